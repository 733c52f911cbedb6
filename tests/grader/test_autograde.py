"""nbgrader's own commands on a built course: every submission gets a grade, whatever it is."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from kernel_sim.checks.local_bench import LocalBench
from kernel_sim.checks.run import run_checks
from kernel_sim_grader.class_grading import ClassFolder, Means, grade_class
from kernel_sim_grader.course import read_course
from kernel_sim_grader.course_folder import release_lab
from kernel_sim_grader.grading import end_workers, read_report
from kernel_sim_grader.report import grade_rows
from kernel_sim_grader.sample_class import answer
from kernel_sim_grader.seeds import grading_seed, read_secret

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("autograde")]
LAB = "lab1"
HOOK = "from kernel_sim import hookimpl\n@hookimpl\ndef parse_memory_map(kernel, boot_info):\n    "
HOSTILE_CODE = {
    "exits-at-once": "import os\nos._exit(0)",
    "exits-in-a-hook": f"{HOOK}import os; os._exit(0)",
    "loops": f"{HOOK}while True: pass",
    "eats-memory": f"{HOOK}x = [bytearray(1 << 26) for _ in range(999)]",
    "raises": f"{HOOK}raise RuntimeError('<b>bold</b>')",
    "system-exit": "raise SystemExit(0)",
}
HOSTILE_FILES = {
    "not-json": b"# this is not a notebook",
    "empty": b"",
    "no-cells": b'{"cells": []}',
    "binary": bytes(range(256)),
}


def environment():
    scripts = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": os.pathsep.join((scripts, os.environ["PATH"]))}


def nbgrader(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def grade_id(cell):
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


class Class:
    """A course folder in which a class hands in and is graded once by nbgrader's commands."""

    def __init__(self, folder):
        self.folder = folder
        course = read_course(Path("course.yml"))
        (self.released,) = release_lab(course, folder, LAB)
        self.solution = json.loads((folder / "source" / LAB / f"{LAB}.ipynb").read_text("utf-8"))
        self.seed = grading_seed(read_secret(folder), LAB)

    def path(self, student):
        return self.folder / "submitted" / student / LAB / f"{LAB}.ipynb"

    def hand_in(self, student, content):
        path = self.path(student)
        path.parent.mkdir(parents=True)
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        path.write_bytes(data)

    def copy(self):
        return json.loads(json.dumps(self.solution))

    def hand_in_all(self):
        self.hand_in("solution", self.copy())
        self.hand_in("starter", json.loads(self.released.read_text("utf-8")))
        for student, source in HOSTILE_CODE.items():
            notebook = json.loads(self.released.read_text("utf-8"))
            answer(notebook, source)
            self.hand_in(student, notebook)
        for student, data in HOSTILE_FILES.items():
            self.hand_in(student, data)
        for student, change in TAMPERED.items():
            notebook = self.copy()
            change(notebook)
            self.hand_in(student, notebook)

    def grades(self):
        with Gradebook(f"sqlite:///{self.folder / 'gradebook.db'}") as gradebook:
            return {
                item.student.id: {
                    grade.name: (grade.auto_score, grade.needs_manual_grade)
                    for notebook in item.notebooks
                    for grade in notebook.grades
                }
                for item in gradebook.assignment_submissions(LAB)
            }


def forged_outputs(notebook):
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            data = {"text/plain": "90.0"}
            output = {"output_type": "execute_result", "data": data, "metadata": {}}
            cell["outputs"] = [{**output, "execution_count": 1}]
    blank_answers(notebook)


def blank_answers(notebook):
    for cell in notebook["cells"]:
        data = cell["metadata"].get("nbgrader", {})
        if data.get("solution") and cell["cell_type"] == "code":
            cell["source"] = "# nothing"


def edited_tests(notebook):
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade") and cell["cell_type"] == "code":
            cell["source"] = "100"
            cell["metadata"]["nbgrader"]["points"] = 1000
            cell["metadata"]["tags"] = []
    blank_answers(notebook)


def deleted_tests(notebook):
    notebook["cells"] = [
        cell for cell in notebook["cells"] if not cell["metadata"].get("nbgrader", {}).get("grade")
    ]


def changed_ids(notebook):
    for number, cell in enumerate(notebook["cells"]):
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"]["grade_id"] = f"mine-{number}"


def another_schema(notebook):
    for cell in notebook["cells"]:
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"]["schema_version"] = 99


def doubled_cells(notebook):
    notebook["cells"] = notebook["cells"] + json.loads(json.dumps(notebook["cells"]))


def noisy(notebook):
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("solution") and cell["cell_type"] == "code":
            cell["source"] += "\nimport sys\nprint('to stderr', file=sys.stderr)"


def extra_cells(notebook):
    cell = {"cell_type": "code", "metadata": {}, "source": "1 / 0", "outputs": []}
    notebook["cells"].insert(3, {**cell, "execution_count": None, "id": "mine"})


TAMPERED = {
    "forged-outputs": forged_outputs,
    "edited-tests": edited_tests,
    "deleted-tests": deleted_tests,
    "changed-ids": changed_ids,
    "another-schema": another_schema,
    "doubled-cells": doubled_cells,
    "noisy": noisy,
    "extra-cells": extra_cells,
}
FULL = {"solution", "deleted-tests", "changed-ids", "another-schema", "doubled-cells", "noisy"}
FULL |= {"extra-cells"}
EVERYONE = {"solution", "starter", *HOSTILE_CODE, *HOSTILE_FILES, *TAMPERED}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    room = Class(tmp_path_factory.mktemp("course"))
    room.hand_in_all()
    room.twin = shutil.copytree(room.folder, tmp_path_factory.mktemp("twin") / "course")
    room.autograde = nbgrader(room.folder, "autograde", LAB)
    room.feedback = nbgrader(room.folder, "generate_feedback", LAB)
    return room


@pytest.fixture(scope="module")
def by_ksim(graded):
    """The same class in a folder of its own, graded by ksim on two judges."""
    room = Class.__new__(Class)
    room.folder = graded.twin
    room.result = grade_class(ClassFolder(room.folder, LAB), Means(jobs=2))
    return room


def records(room):
    """Everything in the gradebook about every submission, but for the random keys."""
    with Gradebook(f"sqlite:///{room.folder / 'gradebook.db'}") as gradebook:
        return {
            item.student.id: [
                (item.score, item.timestamp, book.name, book.score, book.late_submission_penalty),
                sorted(
                    (g.name, g.auto_score, g.manual_score, g.needs_manual_grade)
                    for g in book.grades
                ),
                sorted((c.name, c.auto_comment, c.manual_comment) for c in book.comments),
            ]
            for item in gradebook.assignment_submissions(LAB)
            for book in item.notebooks
        }


def points(graded, student):
    return sum(score or 0 for score, _ in graded.grades()[student].values())


def test_the_stock_commands_end_well(graded):
    assert graded.autograde.returncode == 0, graded.autograde.stderr[-3000:]
    assert graded.feedback.returncode == 0, graded.feedback.stderr[-3000:]
    assert "Traceback" not in graded.autograde.stderr + graded.feedback.stderr


def test_every_submission_is_graded_and_has_its_feedback_page(graded):
    assert set(graded.grades()) == EVERYONE
    pages = {path.parent.parent.name for path in graded.folder.glob("feedback/*/lab1/lab1.html")}
    assert pages == EVERYONE


@pytest.mark.parametrize("student", sorted(FULL))
def test_a_right_answer_gets_90_whatever_was_done_to_the_notebook(graded, student):
    assert points(graded, student) == 90


@pytest.mark.parametrize("student", sorted(EVERYONE - FULL))
def test_what_does_not_work_gets_nothing(graded, student):
    assert points(graded, student) == 0


def test_the_rationale_waits_for_the_instructor(graded):
    assert graded.grades()["solution"]["rationale"] == (None, True)
    assert graded.grades()["starter"]["rationale"] == (0, False)


@pytest.mark.parametrize("student", ["solution", "starter", "loops", "extra-cells", "noisy"])
def test_the_scores_agree_with_ksim_check_and_the_recorded_seed(graded, student):
    page = (graded.folder / "feedback" / student / LAB / f"{LAB}.html").read_text("utf-8")
    seed = int(re.search(r"ksim check lab1 lab1.ipynb --seed (\d+)", page)[1])
    report = run_checks(LAB, lambda: LocalBench(str(graded.path(student)), ("memmap",)), seed)
    grades = graded.grades()[student]
    assert seed == graded.seed
    assert {item.check.id: item.points for item in report.reports} == {
        name: score for name, (score, _) in grades.items() if name != "rationale"
    }


@pytest.mark.parametrize(
    ("student", "words"),
    [
        ("exits-at-once", "ended the process"),
        ("exits-in-a-hook", "ended the process"),
        ("loops", "does a loop never end"),
        ("eats-memory", "emory"),
        ("not-json", "not valid JSON"),
        ("no-cells", "was missing and was put back"),
    ],
)
def test_the_feedback_says_what_was_wrong(graded, student, words):
    page = (graded.folder / "feedback" / student / LAB / f"{LAB}.html").read_text("utf-8")
    assert words in page


def test_what_a_plugin_says_is_escaped_in_the_feedback(graded):
    page = (graded.folder / "feedback" / "raises" / LAB / f"{LAB}.html").read_text("utf-8")
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "found: parse_memory_map failed: RuntimeError: <b>" not in page


def test_a_hidden_check_tells_the_rule_and_not_the_case(graded):
    notebook = json.loads(
        (graded.folder / "autograded" / "raises" / LAB / f"{LAB}.ipynb").read_text("utf-8")
    )
    (cell,) = [cell for cell in notebook["cells"] if grade_id(cell) == "hidden-regions"]
    text = "".join(cell["outputs"][0]["data"]["text/plain"])
    assert "broken rule" in text
    assert "RuntimeError" not in text
    report = read_report(graded.folder, LAB, "raises")
    (kept,) = [check for check in report["checks"] if check["id"] == "hidden-regions"]
    assert "RuntimeError" in kept["message"]


def test_no_secret_is_in_what_students_get(graded):
    secret = (graded.folder / "course_secret").read_text("ascii").strip()
    given = [*graded.folder.glob("release/**/*"), *graded.folder.glob("feedback/**/*")]
    assert len(given) > len(EVERYONE)
    assert not any(path.is_file() and secret in path.read_text("utf-8") for path in given)


def test_the_report_counts_what_waits_and_what_was_lost(graded):
    rows = {row.student: row for row in grade_rows(graded.folder, LAB)}
    assert (rows["solution"].checks, rows["solution"].checks_max) == (90, 90)
    assert (rows["solution"].waiting, rows["solution"].failed) == (10, ())
    assert len(rows["loops"].failed) == 12
    assert rows["not-json"].reason


def test_ksim_grade_on_two_judges_writes_the_gradebook_that_nbgrader_writes(graded, by_ksim):
    assert by_ksim.result.errored == []
    assert {item.student for item in by_ksim.result.graded} == EVERYONE
    assert records(by_ksim) == records(graded)


def test_ksim_grade_writes_the_very_notebooks_that_nbgrader_writes(graded, by_ksim):
    for student in EVERYONE:
        path = Path("autograded", student, LAB, f"{LAB}.ipynb")
        assert (by_ksim.folder / path).read_bytes() == (graded.folder / path).read_bytes(), student


def test_ksim_grade_skips_what_is_graded_and_grades_what_has_changed(graded):
    folder = ClassFolder(graded.folder, LAB)
    assert set(grade_class(folder).skipped) == EVERYONE
    path = graded.path("starter")
    before = path.read_bytes()
    shutil.copyfile(graded.path("solution"), path)
    try:
        result = grade_class(folder)
        assert [(item.student, item.score) for item in result.graded] == [("starter", 90)]
        assert set(result.skipped) == EVERYONE - {"starter"}
    finally:
        path.write_bytes(before)
        grade_class(folder)
        end_workers()
    assert points(graded, "starter") == 0


def test_a_submission_under_another_name_is_listed_and_does_not_stop_the_others(graded):
    odd = graded.folder / "submitted" / "misnamed" / LAB
    odd.mkdir(parents=True)
    (odd / "Lab 1.ipynb").write_bytes(b"{}")
    try:
        result = grade_class(ClassFolder(graded.folder, LAB))
        reason = "no lab1.ipynb; there is Lab 1.ipynb"
        assert result.errored == [{"student": "misnamed", "reason": reason}]
    finally:
        shutil.rmtree(odd.parent)
        end_workers()
