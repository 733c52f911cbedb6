"""What grading costs, beside stock nbgrader in the same run: ``make bench``; about two minutes.

An answer that works for a given time and then ends stands for checks of that time: on our side in
the sandboxed worker, on nbgrader's in the notebook's kernel, whose twelve tests are `assert True`.
Linux only. Figures of a busy machine are too low on both sides; read the ratios.
"""

import contextlib
import io
import logging
import os
import statistics
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.apps import AutogradeApp, GenerateAssignmentApp, GenerateFeedbackApp
from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from rich.console import Console
from rich.table import Table

from kernel_sim_grader.class_grading import Means, grade_class
from kernel_sim_grader.feedback_pages import write_feedback
from kernel_sim_grader.grading import end_workers, workers

sys.path.append(str(Path(__file__).parent.parent / "soak"))
CLASS = import_module("class_folder")
TIMES = (0.1, 0.3, 0.5, 2.0)
COUNTS = {0.0: 24, 0.1: 24, 0.3: 12, 0.5: 12, 2.0: 6}
WANTED = {0.1: ">= 10", 0.3: ">= 5", 2.0: ">= 1.6"}
STOCK_COUNT = 3
TESTS = 12
WORK = """import time
until = time.perf_counter() + {seconds}
while time.perf_counter() < until: pass
"""
FORKS = 60


# --- stock nbgrader -------------------------------------------------------------------------------


def stock_course(folder):
    """An assignment of nbgrader's own with one answer and twelve tests, released."""
    meta = {"schema_version": 3, "task": False}
    answer = {"grade": False, "solution": True, "locked": False, "grade_id": "answer"}
    cells = [new_code_cell("pass", metadata={"nbgrader": {**meta, **answer}})]
    for number in range(TESTS):
        test = {"grade": True, "solution": False, "locked": True, "points": 1}
        test["grade_id"] = f"test-{number}"
        cells.append(new_code_cell("assert True", metadata={"nbgrader": {**meta, **test}}))
    spec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": spec})
    path = folder / "source" / "ps" / "ps.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)
    (folder / "nbgrader_config.py").write_text("c = get_config()\n", encoding="utf-8")
    convert(folder, GenerateAssignmentApp, GenerateAssignment)
    return notebook


def stock_hand_in(folder, notebook, seconds):
    for number in range(STOCK_COUNT):
        path = folder / "submitted" / f"student-{number}" / "ps" / "ps.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        notebook.cells[0].source = WORK.format(seconds=seconds)
        nbformat.write(notebook, path)


def convert(folder, application, converter):
    """Run one of nbgrader's converters in this process; how long it took without the imports."""
    application.clear_instance()
    with contextlib.chdir(folder):
        app = application()
        app.initialize([])
        app.log.handlers[:] = [logging.StreamHandler(io.StringIO())]
        app.log.propagate = False
        app.coursedir.assignment_id = "ps"
        one = converter(coursedir=app.coursedir, parent=app)
        one.force = True
        with silent():
            started = time.perf_counter()
            one.start()
            return time.perf_counter() - started


@contextlib.contextmanager
def silent():
    """Nothing on standard error, from kernels that are started here either."""
    kept = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


# --- ours -----------------------------------------------------------------------------------------


def our_course(folder, seconds):
    """A class of `COUNTS` answers that work for ``seconds``."""
    room, released = CLASS.released_class(folder)
    for number in range(COUNTS[seconds]):
        source = f"# {number}\n{WORK.format(seconds=seconds)}raise SystemExit"
        CLASS.hand_in_text(room, released, f"student-{number:02}", source)
    return room


def change_work(room, seconds):
    """The same class with other answers."""
    for path in room.submitted.glob("*/*/*.ipynb"):
        for old in (0.0, *TIMES):
            words = WORK.format(seconds=old).replace("\n", "\\n")
            text = path.read_text("utf-8")
            path.write_text(text.replace(words, WORK.format(seconds=seconds).replace("\n", "\\n")))


def graded(room, means):
    """Seconds a submission in one run, from the first verdicts on: without the start of judges."""
    moments = []
    grade_class(room, means, force=True, on_done=lambda _: moments.append(time.perf_counter()))
    skipped = 2 * means.jobs
    return (moments[-1] - moments[skipped - 1]) / (len(moments) - skipped)


def on_cluster(room, count):
    """Seconds a submission on a Dask cluster of ``count`` workers on this machine."""
    from distributed import LocalCluster  # noqa: PLC0415 - an optional extra

    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with LocalCluster(n_workers=count, host="127.0.0.1", silence_logs=50, **options) as cluster:
        address = cluster.scheduler_address
        graded(room, Means(count, cluster=address))
        return graded(room, Means(count, cluster=address))


def forked():
    """Median seconds to fork a worker, isolate it, ask nothing and end it."""
    source = workers(("memmap",), "auto")
    times = []
    for _ in range(FORKS):
        started = time.perf_counter()
        source.start().end()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def feedback(room):
    """Seconds a submission for the feedback pages, as `ksim grade --feedback` writes them."""
    write_feedback(room.course, room.lab, ["student-00"])  # the imports
    started = time.perf_counter()
    pages = write_feedback(room.course, room.lab)
    return (time.perf_counter() - started) / len(pages)


def stock_feedback(room):
    """Seconds a submission for the pages of our notebooks, made as nbgrader makes them."""
    coursedir = CourseDirectory(root=str(room.course), feedback_directory="stock-feedback")
    coursedir.db_url = f"sqlite:///{room.course / 'gradebook.db'}"
    coursedir.assignment_id, coursedir.student_id = room.lab, "student-0[0-3]"
    started = time.perf_counter()
    GenerateFeedback(coursedir=coursedir).start()
    return (time.perf_counter() - started) / 4


def main():
    """Measure, and print one table."""
    here = Path(sys.executable).parent  # nbgrader starts alembic by its name
    os.environ["PATH"] = f"{here}{os.pathsep}{os.environ['PATH']}"
    table = Table("what", "kernel-sim", "stock nbgrader", "ratio", "wanted", header_style="bold")

    def row(what, ours, stock, ratio, wanted):
        table.add_row(what, ours, stock, f"{ratio:.2f}", wanted)

    with tempfile.TemporaryDirectory() as place:
        stock_folder = Path(place, "stock")
        notebook = stock_course(stock_folder)
        room = our_course(Path(place, "ours"), 0.0)
        stock_hand_in(stock_folder, notebook, 0)
        convert(stock_folder, AutogradeApp, Autograde)
        stock_cost = convert(stock_folder, AutogradeApp, Autograde) / STOCK_COUNT
        graded(room, Means(1))
        cost = graded(room, Means(1))
        name = "a submission beyond its checks, s"
        row(name, f"{cost:.4f}", f"{stock_cost:.3f}", cost / stock_cost, "<= 0.05")
        page = feedback(room)
        stock_page = convert(stock_folder, GenerateFeedbackApp, GenerateFeedback) / STOCK_COUNT
        row("its feedback page, s", f"{page:.4f}", f"{stock_page:.3f}", page / stock_page, "")
        same = stock_feedback(room)
        row("the same page by stock, s", f"{page:.4f}", f"{same:.3f}", page / same, "")
        ratio = (cost + page) / (stock_cost + stock_page)
        both = f"{cost + page:.4f}", f"{stock_cost + stock_page:.3f}"
        row("with its feedback page, s", *both, ratio, "<= 0.05")
        ms = forked() * 1000
        row("fork, isolate, end a worker, ms", f"{ms:.1f}", "", ms, "< 15")
        rates = {}
        for seconds in TIMES:
            change_work(room, seconds)
            stock_hand_in(stock_folder, notebook, seconds)
            stock = convert(stock_folder, AutogradeApp, Autograde) / STOCK_COUNT
            two = rates[seconds] = graded(room, Means(2))
            wanted = WANTED.get(seconds, "")
            name = f"submissions/s, {seconds} s of checks"
            row(name, f"{1 / two:.2f}", f"{1 / stock:.2f}", stock / two, wanted)
            if seconds == 0.5:
                one = graded(room, Means(1))
                row("two cores over one", "", "", one / two, ">= 1.8")
                ratio = on_cluster(room, 1) / on_cluster(room, 2)
                row("two Dask workers over one", "", "", ratio, ">= 1.7")
            for path in sorted(room.submitted.iterdir())[COUNTS[seconds] // 2 :]:
                if seconds == 0.5:
                    for file in path.rglob("*.ipynb"):
                        file.unlink()
                    (path / room.lab).rmdir()
        end_workers()
    Console().print(table)


if __name__ == "__main__":
    main()
