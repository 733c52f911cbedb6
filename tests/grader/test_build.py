"""Lab text and course → nbgrader's source notebook; and every way in which they can disagree."""

import json
from pathlib import Path

import nbformat
import pytest
from nbgrader.nbgraderformat import MetadataValidator

import kernel_sim
from kernel_sim.errors import InputError
from kernel_sim_grader.build import SKIP_TAG, lab_notebook
from kernel_sim_grader.course import CourseCheck, CourseLab, find_course, read_course
from kernel_sim_grader.lab_text import HEADER

ROOT = Path(__file__).parents[2]

BODY = """

# A lab

```{code-cell} ipython3
:nbgrader: {grade_id: setup, locked: true}
from kernel_sim.notebook import check
```

```{code-cell} ipython3
:tags: [ksim-skip]
print("look")
```

```{code-cell} ipython3
:nbgrader: {grade_id: answer, solution: true}
def answer():
    ### BEGIN SOLUTION
    return 42
    ### END SOLUTION
```

```{code-cell} ipython3
:nbgrader: {grade_id: seen, grade: true}
verdict = check("lab1", "seen")
assert verdict.passed, verdict.message
```

```{code-cell} ipython3
:tags: [ksim-skip]
print("look")
```

+++ {"nbgrader": {"grade_id": "why", "grade": true, "solution": true}}

Because.

```{code-cell} ipython3
:nbgrader: {grade_id: unseen, grade: true}
# Checked when your work is graded.
```
"""


@pytest.fixture
def lab(tmp_path: Path) -> CourseLab:
    (tmp_path / "lab.md").write_text(HEADER + BODY, encoding="utf-8")
    return CourseLab(
        name="lab1",
        title="A lab",
        folder=tmp_path,
        roles=("memmap",),
        hours=(1, 2),
        profile="kernel-v",
        machines=("pc128",),
        hidden_feedback="rule",
        rationale=10,
        checks=(
            CourseCheck("seen", 40, visible=True, requirements=("KV-1",), line=1),
            CourseCheck("unseen", 50, visible=False, requirements=("KV-2",), line=2),
        ),
    )


def cells_of(lab: CourseLab) -> dict[str, dict]:
    """The built cells by id."""
    return {cell["id"]: cell for cell in json.loads(lab_notebook(lab))["cells"]}


def problem_with(lab: CourseLab, old: str, new: str) -> str:
    """What building says when ``old`` in the text is ``new``, without the folder's name."""
    text = HEADER + BODY
    assert text.count(old) == 1
    lab.text_file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        lab_notebook(lab)
    return str(caught.value).removeprefix(str(lab.folder))[1:]


def test_points_come_from_the_course(lab):
    cells = cells_of(lab)
    points = {name: cells[name]["metadata"]["nbgrader"]["points"] for name in ("seen", "unseen")}
    assert points == {"seen": 40, "unseen": 50}
    assert cells["why"]["metadata"]["nbgrader"]["points"] == 10


def test_every_field_of_nbgraders_metadata_is_filled_in(lab):
    assert cells_of(lab)["answer"]["metadata"]["nbgrader"] == {
        "grade": False,
        "grade_id": "answer",
        "locked": False,
        "schema_version": 3,
        "solution": True,
        "task": False,
    }


def test_nbgrader_accepts_the_notebook(lab):
    notebook = nbformat.reads(lab_notebook(lab), as_version=4)
    nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    assert notebook.metadata.kernelspec.name == "python3"


def test_test_cells_are_locked_and_no_part_of_the_plugin(lab):
    cells = cells_of(lab)
    for name in ("seen", "unseen"):
        assert cells[name]["metadata"]["nbgrader"]["locked"] is True
        assert cells[name]["metadata"]["tags"] == [SKIP_TAG]
    assert "tags" not in cells["answer"]["metadata"]
    assert "tags" not in cells["setup"]["metadata"]


def test_the_same_text_gives_the_same_bytes(lab):
    assert lab_notebook(lab) == lab_notebook(lab)


def test_cell_ids_stay_when_a_cell_is_put_in_front(lab):
    before = set(cells_of(lab))
    text = (HEADER + BODY).replace("# A lab\n", "# A lab\n\n+++\n\nMore.\n")
    lab.text_file.write_text(text, encoding="utf-8")
    after = set(cells_of(lab))
    assert before < after
    assert len(after - before) == 1


def test_the_notebook_records_what_it_was_built_with(lab):
    recorded = json.loads(lab_notebook(lab))["metadata"]["kernel_sim"]
    assert recorded["lab"] == "lab1"
    assert recorded["kernel-sim"] == kernel_sim.__version__
    assert set(recorded) == {"lab", "kernel-sim", "kernel-sim-grader"}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        pytest.param(
            "grade_id: seen,",
            "grade_id: sen,",
            "lab.md:33: sen: course.yml has no such check in lab1; expected the id of one of its "
            "checks",
            id="a check that the course lacks",
        ),
        pytest.param(
            ":nbgrader: {grade_id: unseen, grade: true}\n",
            "",
            "lab.md: no cell of lab1 has the grade_id of the check unseen; expected a cell with "
            "grade_id: unseen, grade: true",
            id="a check that the lab lacks",
        ),
        pytest.param(
            "# Checked when your work is graded.",
            "secret = 1",
            "lab.md:48: unseen: the cell of a hidden check must not hold code; expected a comment",
            id="code in a hidden check's cell",
        ),
        pytest.param(
            'check("lab1", "seen")',
            'check("lab1", "unseen")',
            'lab.md:33: seen: the cell does not run its check; expected check("lab1", "seen")',
            id="a cell that runs another check",
        ),
        pytest.param(
            "assert verdict.passed, verdict.message",
            "verdict.passed",
            "lab.md:33: seen: the last statement is no assert; expected assert verdict.passed",
            id="a test cell that can't fail",
        ),
        pytest.param(
            "assert verdict.passed, verdict.message",
            "assert verdict passed",
            "lab.md:33: seen: the cell is not Python: invalid syntax",
            id="a test cell that is not Python",
        ),
        pytest.param(
            "    ### END SOLUTION\n",
            "",
            "lab.md:25: answer: the solution is not marked; expected ### BEGIN SOLUTION and "
            "### END SOLUTION",
            id="a solution without an end",
        ),
        pytest.param(
            "grade_id: answer, solution: true",
            "grade_id: answer, locked: true",
            "lab.md:25: answer: a solution in a cell that students see; expected solution: true",
            id="a solution in a locked cell",
        ),
        pytest.param(
            ":nbgrader: {grade_id: answer, solution: true}\n",
            "",
            "lab.md:25: a solution in a cell without solution: true",
            id="a solution in a plain cell",
        ),
        pytest.param(
            "grade_id: seen, grade: true",
            "grade_id: seen, grade: true, points: 3",
            "lab.md:33: seen: points is not set here; expected grade, grade_id, locked, solution",
            id="points in the text",
        ),
        pytest.param(
            "grade_id: setup",
            "grade_id: answer",
            "lab.md:15: answer: two cells have this grade_id",
            id="a grade_id twice",
        ),
        pytest.param(
            "grade_id: setup, locked: true",
            "locked: true",
            "lab.md: a cell's nbgrader metadata have no usable grade_id: {'locked': True}; "
            "expected letters, digits, - and _",
            id="no grade_id",
        ),
        pytest.param(
            "grade_id: setup, locked: true",
            "grade_id: setup, locked: true, solution: true",
            "lab.md:15: setup: this cell is nothing that nbgrader knows; expected code with grade,"
            " solution or locked, or Markdown with grade and solution, or locked",
            id="a cell that is two things",
        ),
        pytest.param(
            '+++ {"nbgrader": {"grade_id": "why", "grade": true, "solution": true}}',
            "+++",
            "lab.md: 0 cells are graded by hand; expected one Markdown cell with grade and "
            "solution, the rationale",
            id="no rationale",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused_with_its_line(lab, old, new, problem):
    assert problem_with(lab, old, new) == problem


def test_every_lab_of_the_course_can_be_built():
    course = read_course(find_course(ROOT))
    for lab in course.labs.values():
        cells = cells_of(lab)
        for check in lab.checks:
            assert cells[check.id]["metadata"]["nbgrader"]["points"] == check.points
