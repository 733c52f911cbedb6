"""Each lab through nbgrader's own command: the solution gets all, the starter next to nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from kernel_sim_grader.course import read_course
from kernel_sim_grader.course_folder import release_lab
from kernel_sim_grader.seeds import grading_seed, read_secret

pytestmark = pytest.mark.slow
LABS = ("lab2", "lab3", "lab4", "lab5")
"""Lab 1 is graded, with everything that can go wrong, in tests/grader/test_autograde.py."""


class Graded:
    """A course folder in which the solution and the starter were handed in and graded."""

    def __init__(self, folder: Path, lab: str) -> None:
        self.folder, self.lab = folder, lab
        self.course_lab = read_course(Path("course.yml")).lab(lab)
        (self.released,) = release_lab(read_course(Path("course.yml")), folder, lab)
        solution = (folder / "source" / lab / f"{lab}.ipynb").read_text("utf-8")
        self._hand_in("solution", solution)
        self._hand_in("starter", self.released.read_text("utf-8"))
        scripts = str(Path(sys.executable).parent)
        self.done = subprocess.run(
            [sys.executable, "-m", "nbgrader", "autograde", lab],
            cwd=folder,
            env={**os.environ, "PATH": os.pathsep.join((scripts, os.environ["PATH"]))},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def _hand_in(self, student: str, text: str) -> None:
        path = self.folder / "submitted" / student / self.lab / f"{self.lab}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")

    def grades(self, student: str) -> dict[str, tuple[float | None, bool]]:
        """Cell → points counted, and whether a person has to read it."""
        with Gradebook(f"sqlite:///{self.folder / 'gradebook.db'}") as gradebook:
            found = gradebook.find_submission(self.lab, student)
            return {
                grade.name: (grade.auto_score, grade.needs_manual_grade)
                for item in found.notebooks
                for grade in item.grades
            }


@pytest.fixture(scope="module", params=LABS)
def graded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    return Graded(tmp_path_factory.mktemp(request.param), request.param)


def test_the_command_ends_well(graded: Graded):
    assert graded.done.returncode == 0, graded.done.stderr[-3000:]
    assert "Traceback" not in graded.done.stderr


def test_the_solution_gets_every_point_and_the_rationale_waits(graded: Graded):
    grades = graded.grades("solution")
    assert grades.pop("rationale") == (None, True)
    points = {check.id: check.points for check in graded.course_lab.checks}
    assert {name: score for name, (score, _) in grades.items()} == points
    assert sum(points.values()) == 90
    assert graded.course_lab.rationale == 10


def test_the_starter_gets_next_to_nothing(graded: Graded):
    grades = graded.grades("starter")
    assert sum(score or 0 for score, _ in grades.values()) <= 9


def test_students_get_no_solution_no_hidden_check_and_no_seed(graded: Graded):
    text = graded.released.read_text("utf-8")
    cells = json.loads(text)["cells"]
    source = "\n".join("".join(cell["source"]) for cell in cells)
    assert "SOLUTION" not in source
    assert "Model answer" not in source
    assert source.count("# YOUR CODE HERE") >= 5
    hidden = [check.id for check in graded.course_lab.checks if not check.visible]
    assert [name for name in hidden if f'"{graded.lab}", "{name}"' in source] == []
    secret = (graded.folder / "course_secret").read_text("ascii").strip()
    seed = grading_seed(read_secret(graded.folder), graded.lab)
    assert secret not in text
    assert str(seed) not in text
