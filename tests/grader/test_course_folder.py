"""The course folder: built, released by nbgrader, and never overwritten unasked."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from kernel_sim.errors import InputError
from kernel_sim_grader.course import Course, find_course, read_course
from kernel_sim_grader.course_folder import build_course, release_lab, write_weights

ROOT = Path(__file__).parents[2]
SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)\n *### END SOLUTION", re.DOTALL)


@pytest.fixture(scope="module")
def course() -> Course:
    return read_course(find_course(ROOT))


@pytest.fixture(scope="module")
def released(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course folder in which lab1 was released by `release_lab`."""
    folder = tmp_path_factory.mktemp("course")
    release_lab(course, folder, "lab1")
    return folder


@pytest.fixture
def folder(released: Path, tmp_path: Path) -> Path:
    """A copy of the released course that a test may change."""
    return shutil.copytree(released, tmp_path / "course")


def notebook(folder: Path, kind: str) -> nbformat.NotebookNode:
    return nbformat.read(folder / kind / "lab1" / "lab1.ipynb", as_version=4)


def test_building_twice_changes_nothing(course, tmp_path):
    first = build_course(course, tmp_path)
    notebooks = {f"{lab}.ipynb" for lab in course.labs}
    assert {path.name for path in first} == {"nbgrader_config.py", "overrides.json", *notebooks}
    assert build_course(course, tmp_path) == []


def test_two_builds_are_equal_byte_for_byte(course, tmp_path):
    for name in ("one", "two"):
        build_course(course, tmp_path / name)
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*") if path.is_file()}
        for name in ("one", "two")
    )
    assert one.pop("course_secret") != two.pop("course_secret")
    assert one == two
    notebooks = {f"{lab}.ipynb" for lab in course.labs}
    assert set(one) == {".ksim-built.json", "nbgrader_config.py", "overrides.json", *notebooks}


def test_the_courses_secret_survives_a_rebuild(course, tmp_path):
    build_course(course, tmp_path)
    secret = (tmp_path / "course_secret").read_bytes()
    build_course(course, tmp_path, force=True)
    assert (tmp_path / "course_secret").read_bytes() == secret


def test_nbgrader_runs_no_student_s_notebook_where_our_settings_fail(folder):
    config = folder / "nbgrader_config.py"
    config.write_text(config.read_text("utf-8").replace(".preprocessor", ".absent"), "utf-8")
    handed_in = notebook(folder, "release")
    handed_in.cells.insert(0, nbformat.v4.new_code_cell(f"open({str(folder / 'ran')!r}, 'w')"))
    target = folder / "submitted" / "ann" / "lab1" / "lab1.ipynb"
    target.parent.mkdir(parents=True)
    nbformat.write(handed_in, target)
    done = subprocess.run(
        [Path(sys.executable).with_name("nbgrader"), "autograde", "lab1"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "kernel-sim can't set nbgrader up" in done.stderr
    assert not (folder / "ran").exists()
    assert not (folder / "autograded").exists()


def test_the_released_notebook_holds_no_solution(released):
    source = "\n".join(cell.source for cell in notebook(released, "source").cells)
    text = "\n".join(cell.source for cell in notebook(released, "release").cells)
    solutions = SOLUTION.findall(source)
    assert len(solutions) >= 5
    assert [solution for solution in solutions if solution in text] == []
    assert "BEGIN SOLUTION" not in text
    assert "Model answer" in source
    assert "Model answer" not in text


def test_the_released_notebook_has_the_points_and_names_of_the_course(course, released):
    cells = {cell.id: cell.metadata for cell in notebook(released, "release").cells}
    for check in course.lab("lab1").checks:
        assert cells[check.id].nbgrader.points == check.points
        assert cells[check.id].nbgrader.locked
        assert not cells[check.id].get("editable", True)
    assert notebook(released, "release").metadata.kernel_sim.lab == "lab1"


def test_only_the_notebook_is_released(released):
    files = [path.name for path in (released / "release").rglob("*") if path.is_file()]
    assert files == ["lab1.ipynb"]


def test_releasing_again_gives_the_same_notebook(course, folder):
    before = (folder / "release" / "lab1" / "lab1.ipynb").read_bytes()
    release_lab(course, folder, "lab1")
    assert (folder / "release" / "lab1" / "lab1.ipynb").read_bytes() == before


def test_a_release_that_was_changed_by_hand_is_kept(course, folder):
    path = folder / "release" / "lab1" / "lab1.ipynb"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="changed since it was built"):
        release_lab(course, folder, "lab1")
    assert path.read_text(encoding="utf-8") == "mine"
    release_lab(course, folder, "lab1", force=True)
    assert notebook(folder, "release").cells


def test_a_source_that_was_changed_by_hand_is_what_gets_released(course, folder):
    source = notebook(folder, "source")
    source.cells[0].source = "# My own title"
    nbformat.write(source, folder / "source" / "lab1" / "lab1.ipynb")
    with pytest.raises(InputError, match="changed since it was built"):
        build_course(course, folder)
    release_lab(course, folder, "lab1")
    assert notebook(folder, "release").cells[0].source == "# My own title"


def test_what_nbgrader_refuses_is_said_in_one_line(course, folder):
    source = notebook(folder, "source")
    source.cells[0].source = "### BEGIN SOLUTION"
    nbformat.write(source, folder / "source" / "lab1" / "lab1.ipynb")
    with pytest.raises(InputError) as caught:
        release_lab(course, folder, "lab1")
    assert str(caught.value).startswith("lab1: nbgrader can't release it: ")
    assert "\n" not in str(caught.value)


def test_a_lab_that_does_not_exist_is_not_released(course, tmp_path):
    with pytest.raises(InputError, match="there is no lab 'lab9'"):
        release_lab(course, tmp_path, "lab9")
    assert list(tmp_path.iterdir()) == []


def test_stock_nbgrader_releases_a_built_course(course, tmp_path):
    build_course(course, tmp_path)
    scripts = str(Path(sys.executable).parent)
    subprocess.run(
        [sys.executable, "-m", "nbgrader", "generate_assignment", "lab1"],
        cwd=tmp_path,
        env={**os.environ, "PATH": os.pathsep.join((scripts, os.environ.get("PATH", "")))},
        check=True,
        capture_output=True,
    )
    assert notebook(tmp_path, "release").cells
    assert (tmp_path / "gradebook.db").is_file()


def test_the_students_weights_are_those_of_the_course(course):
    text = (ROOT / "kernel_sim" / "data" / "course.json").read_text(encoding="utf-8")
    assert json.loads(text) == json.loads(json.dumps(course.as_json()))


def test_weights_are_written_beside_the_course_and_only_when_they_changed(tmp_path):
    shutil.copytree(ROOT / "labs", tmp_path / "labs")
    shutil.copy(ROOT / "course.yml", tmp_path)
    course = read_course(tmp_path / "course.yml")
    assert write_weights(course) == []
    (tmp_path / "kernel_sim" / "data").mkdir(parents=True)
    assert write_weights(course) == [tmp_path / "kernel_sim" / "data" / "course.json"]
    assert write_weights(course) == []
