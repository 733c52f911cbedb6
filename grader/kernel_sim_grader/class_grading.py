"""Grade a class: everything in ``submitted/`` that is missing or changed, one after another.

Each submission goes through nbgrader's own converters in this process, with our stages in their
places (`kernel_sim_grader.preprocessor`), so that gradebook, formgrader and feedback see what they
always see. One submission that can't be graded is listed with its reason; the others go on.
"""

import contextlib
import glob
import io
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from kernel_sim.errors import InputError
from kernel_sim_grader.grading import file_hash, is_current, lab_facts, read_report, workers
from kernel_sim_grader.sandbox.modes import NONE, Sandbox, told
from kernel_sim_grader.seeds import grading_seed, read_secret

CONFIG_FILE: Final = "nbgrader_config.py"


@dataclass(frozen=True, slots=True)
class Graded:
    """One graded submission; ``reason`` says in a line what was wrong with it as a whole."""

    student: str
    score: float
    max_score: float
    seconds: float
    reason: str = ""


@dataclass(slots=True)
class ClassResult:
    """What grading a class did.

    ``errored`` lists students without a grade, with the reason; ``sandbox`` is "namespaces" when
    every wall stood round each submission, "none" when none did.
    """

    lab: str
    graded: list[Graded] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    errored: list[dict[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    sandbox: str = NONE

    def as_json(self) -> dict[str, Any]:
        """The result as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ClassFolder:
    """Where the submissions of one lab lie: ``STUDENT/LAB/LAB.ipynb`` below `submitted`.

    ``elsewhere`` is a folder of submissions that is not the course's own.
    """

    course: Path
    lab: str
    elsewhere: Path | None = None

    @property
    def submitted(self) -> Path:
        """The folder of submissions."""
        return self.elsewhere or self.course / "submitted"

    def notebook(self, student: str) -> Path:
        """What ``student`` has to hand in."""
        return self.submitted / student / self.lab / f"{self.lab}.ipynb"

    def students(self) -> list[str]:
        """Who has handed something in, in order.

        Raises:
            InputError: the folder is no built course, or nobody has.
        """
        if not (self.course / CONFIG_FILE).is_file():
            where = str(self.course)
            raise InputError("is no built course", where=where, expected="ksim course build")
        found = sorted(path.parent.name for path in self.submitted.glob(f"*/{self.lab}"))
        if not found:
            problem, expected = f"no submissions of {self.lab}", f"STUDENT/{self.lab}/"
            raise InputError(problem, where=str(self.submitted), expected=expected)
        return found


def grade_class(
    folder: ClassFolder,
    *,
    sandbox: Sandbox = "auto",
    force: bool = False,
    on_done: Callable[[str], None] = lambda _: None,
) -> ClassResult:
    """Grade what is missing or changed.

    Args:
        folder: a built course in which the lab has been released.
        sandbox: whether each submission gets all walls of the sandbox, or none.
        force: grade what has not changed, too.
        on_done: called with each student as it is done.

    Raises:
        InputError: the folder is no built course, or holds no submission; or submissions can't be
            isolated here: then nothing is graded.
    """
    started = time.monotonic()
    names = folder.students()
    seed = grading_seed(read_secret(folder.course), folder.lab)
    result = ClassResult(folder.lab, sandbox=told(sandbox))
    workers(tuple(lab_facts(folder.lab)["roles"]), sandbox)
    with _converter(folder, sandbox) as convert:
        for student in names:
            if not force and _is_done(folder, student, seed):
                result.skipped.append(student)
            else:
                _grade_one(folder, student, convert, result)
            on_done(student)
    result.seconds = round(time.monotonic() - started, 3)
    return result


def _is_done(folder: ClassFolder, student: str, seed: int) -> bool:
    """Whether the submission was graded as it is, and the graded notebook is there."""
    path = folder.notebook(student)
    graded = folder.course / "autograded" / student / folder.lab / path.name
    return (
        path.is_file()
        and graded.is_file()
        and is_current(folder.course, folder.lab, student, file_hash(path), seed)
    )


def _grade_one(
    folder: ClassFolder, student: str, convert: Callable[[str], str], result: ClassResult
) -> None:
    path = folder.notebook(student)
    started = time.monotonic()
    problem = convert(student) if path.is_file() else _nothing_there(path)
    report = read_report(folder.course, folder.lab, student)
    if problem or report is None:
        reason = problem or "nbgrader graded it without our checks; see nbgrader_config.py"
        result.errored.append({"student": student, "reason": reason})
        return
    seconds = round(time.monotonic() - started, 3)
    scores = float(report["score"]), float(report["max_score"])
    result.graded.append(Graded(student, *scores, seconds, report["reason"]))


def _nothing_there(path: Path) -> str:
    """What is in the place of a missing notebook."""
    others = ", ".join(sorted(other.name for other in path.parent.iterdir())[:3])
    return f"no {path.name}" + (f"; there is {others}" if others else "; the folder is empty")


@contextlib.contextmanager
def _converter(folder: ClassFolder, sandbox: Sandbox) -> Iterator[Callable[[str], str]]:
    """A function that autogrades one student; its answer is empty, or why that failed."""
    from nbgrader.apps import AutogradeApp  # noqa: PLC0415 - costs two seconds
    from nbgrader.converters import Autograde, NbGraderException  # noqa: PLC0415

    with contextlib.chdir(folder.course):
        app = AutogradeApp()
        app.initialize([])
        submitted = os.path.relpath(folder.submitted, folder.course)
        app.coursedir.submitted_directory = submitted
        app.coursedir.assignment_id = folder.lab
        app.config.GradeChecks.sandbox = sandbox
        log = _collect_log(app.log)

        def convert(student: str) -> str:
            log.seek(0)
            log.truncate()
            app.coursedir.student_id = glob.escape(student)
            converter = Autograde(coursedir=app.coursedir, parent=app)
            converter.force = True
            try:
                converter.start()
            except (NbGraderException, SystemExit):
                return _last_line(log.getvalue())
            return ""

        yield convert


def _collect_log(logger: logging.Logger) -> io.StringIO:
    """Send nbgrader's errors to a text instead of the screen."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setLevel(logging.ERROR)
    logger.handlers[:] = [handler]
    logger.propagate = False
    return text


def _last_line(text: str) -> str:
    """The last line of a log that says what went wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    causes = [line for line in lines if "Error" in line or "Exception" in line]
    return (causes or lines or ["nbgrader could not grade it"])[-1]
