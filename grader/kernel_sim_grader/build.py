"""Lab text → the notebook that nbgrader takes as its source, solutions included.

::

    labs/01-memory-map/lab.md ─┐
                               ├─▶ lab_notebook ─▶ source/lab1/lab1.ipynb ─▶ nbgrader ─▶ release/
    course.yml ────────────────┘   points, schema, cell ids

The text carries what its author decides: order, prose, code, and one short line of nbgrader
metadata for a cell. The course carries the points. Here they meet, and what does not fit together
is refused with the line that says so. The same text gives the same bytes.
"""

import ast
import hashlib
import json
import re
from collections.abc import Callable
from importlib.metadata import version
from typing import Final

import nbformat
from nbformat import NotebookNode

import kernel_sim
from kernel_sim.errors import InputError
from kernel_sim_grader.course import CourseCheck, CourseLab
from kernel_sim_grader.lab_text import LabText, read_lab

SKIP_TAG: Final = "ksim-skip"
"""Tag of the cells that are no part of the plugin: demonstrations and tests."""
SCHEMA_VERSION: Final = 3
"""Of nbgrader's cell metadata."""

_KERNELSPEC: Final = {
    "display_name": "Python 3 (ipykernel)",
    "language": "python",
    "name": "python3",
}
_WRITTEN: Final = frozenset({"grade_id", "grade", "solution", "locked"})
"""What a lab's text may say to nbgrader; all else is filled in here."""
_GRADE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SOLUTION_MARK: Final = re.compile(r"###\s*(BEGIN|END) SOLUTION")


def lab_notebook(lab: CourseLab) -> str:
    """The nbgrader source notebook of ``lab`` as JSON text.

    Raises:
        InputError: text and course do not agree, or a cell can't be what it says; with file, line
            and cell.
    """
    text = read_lab(lab.text_file)
    notebook = text.notebook
    for cell in notebook.cells:
        _fill(cell, lab, text)
    _refuse_missing(lab, text)
    _name_cells(notebook, text)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = {
        "kernelspec": _KERNELSPEC,
        "kernel_sim": {
            "lab": lab.name,
            "kernel-sim": kernel_sim.__version__,
            "kernel-sim-grader": version("kernel-sim-grader"),
        },
    }
    nbformat.validate(notebook)
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _fill(cell: NotebookNode, lab: CourseLab, text: LabText) -> None:
    """Complete the nbgrader metadata of ``cell``, if it has any, and tag a test cell."""
    if "nbgrader" not in cell.metadata:
        if cell.cell_type == "code" and _SOLUTION_MARK.search(cell.source):
            line = text.line_of_source(cell.source)
            where = f"{text.file}:{line}"
            raise InputError("a solution in a cell without solution: true", where=where)
        return
    written = cell.metadata["nbgrader"]
    grade_id = _grade_id(written, text)
    unknown = sorted(set(written) - _WRITTEN)
    if unknown:
        raise text.error(grade_id, f"{unknown[0]} is not set here", ", ".join(sorted(_WRITTEN)))
    full: dict[str, object] = {
        "grade": False,
        "grade_id": grade_id,
        "locked": False,
        "schema_version": SCHEMA_VERSION,
        "solution": False,
        "task": False,
        **written,
    }
    kind = (bool(full["grade"]), bool(full["solution"]), bool(full["locked"]), cell.cell_type)
    full.update(_kind(kind, text, grade_id)(cell, lab, text, grade_id))
    cell.metadata["nbgrader"] = dict(sorted(full.items()))


def _grade_id(written: object, text: LabText) -> str:
    """The cell's grade_id."""
    grade_id = written.get("grade_id") if isinstance(written, dict) else None
    if not isinstance(grade_id, str) or not _GRADE_ID.fullmatch(grade_id):
        problem = f"a cell's nbgrader metadata have no usable grade_id: {written}"
        raise InputError(problem, where=str(text.file), expected="letters, digits, - and _")
    return grade_id


Completion = Callable[[NotebookNode, CourseLab, LabText, str], dict[str, object]]


def _kind(kind: tuple[bool, bool, bool, str], text: LabText, grade_id: str) -> Completion:
    """What to do with a cell that is (grade, solution, locked, cell type)."""
    if kind not in _KINDS:
        raise text.error(
            grade_id,
            "this cell is nothing that nbgrader knows",
            "code with grade, solution or locked, or Markdown with grade and solution, or locked",
        )
    return _KINDS[kind]


def _test(cell: NotebookNode, lab: CourseLab, text: LabText, grade_id: str) -> dict[str, object]:
    """A cell that stands for a check."""
    check = lab.check(grade_id)
    if check is None:
        expected = "the id of one of its checks"
        raise text.error(grade_id, f"course.yml has no such check in {lab.name}", expected)
    if check.visible:
        _refuse_other_test(cell, lab, text, check)
    elif _statements(cell, text, grade_id):
        raise text.error(grade_id, "the cell of a hidden check must not hold code", "a comment")
    tags = [tag for tag in cell.metadata.get("tags", []) if tag != SKIP_TAG]
    cell.metadata["tags"] = [*tags, SKIP_TAG]
    return {"locked": True, "points": check.points}


def _refuse_other_test(
    cell: NotebookNode, lab: CourseLab, text: LabText, check: CourseCheck
) -> None:
    """The cell of a visible check runs this check and ends in an assert."""
    statements = _statements(cell, text, check.id)
    if not statements or not isinstance(statements[-1], ast.Assert):
        raise text.error(check.id, "the last statement is no assert", "assert verdict.passed")
    wanted = ast.dump(ast.parse(f"check({lab.name!r}, {check.id!r})", mode="eval").body)
    if wanted not in ast.dump(ast.Module(statements, [])):
        call = f'check("{lab.name}", "{check.id}")'
        raise text.error(check.id, "the cell does not run its check", call)


def _statements(cell: NotebookNode, text: LabText, grade_id: str) -> list[ast.stmt]:
    """The statements of a test cell."""
    try:
        return ast.parse(str(cell.source)).body
    except SyntaxError as error:
        raise text.error(grade_id, f"the cell is not Python: {error.msg}") from None


def _solution(
    cell: NotebookNode, _lab: CourseLab, text: LabText, grade_id: str
) -> dict[str, object]:
    """A cell of which the part between the solution marks is the student's."""
    marks = [mark[1] for mark in _SOLUTION_MARK.finditer(cell.source)]
    if not marks or marks != ["BEGIN", "END"] * (len(marks) // 2):
        raise text.error(
            grade_id, "the solution is not marked", "### BEGIN SOLUTION and ### END SOLUTION"
        )
    return {}


def _rationale(
    _cell: NotebookNode, lab: CourseLab, _text: LabText, _grade_id: str
) -> dict[str, object]:
    """A text that a person grades."""
    return {"points": lab.rationale}


def _locked(cell: NotebookNode, _lab: CourseLab, text: LabText, grade_id: str) -> dict[str, object]:
    """A cell that stays as it is."""
    if _SOLUTION_MARK.search(cell.source):
        raise text.error(grade_id, "a solution in a cell that students see", "solution: true")
    return {}


_KINDS: Final[dict[tuple[bool, bool, bool, str], Completion]] = {
    (True, False, False, "code"): _test,
    (True, False, True, "code"): _test,
    (False, True, False, "code"): _solution,
    (True, True, False, "markdown"): _rationale,
    (False, False, True, "code"): _locked,
    (False, False, True, "markdown"): _locked,
}
"""(grade, solution, locked, cell type) → how such a cell is completed."""


def _refuse_missing(lab: CourseLab, text: LabText) -> None:
    """Every check has a cell, and one cell is graded by hand."""
    graded = [
        cell.metadata["nbgrader"]
        for cell in text.notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    ]
    ids = {data["grade_id"] for data in graded}
    for check in lab.checks:
        if check.id not in ids:
            problem = f"no cell of {lab.name} has the grade_id of the check {check.id}"
            expected = f"a cell with grade_id: {check.id}, grade: true"
            raise InputError(problem, where=str(text.file), expected=expected)
    by_hand = [data["grade_id"] for data in graded if data["solution"]]
    if len(by_hand) != 1:
        problem = f"{len(by_hand)} cells are graded by hand"
        expected = "one Markdown cell with grade and solution, the rationale"
        raise InputError(problem, where=str(text.file), expected=expected)


def _name_cells(notebook: NotebookNode, text: LabText) -> None:
    """Give each cell an id of its own: its grade_id, or a digest of its content."""
    taken: set[str] = set()
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata:
            cell.id = cell.metadata["nbgrader"]["grade_id"]
            if cell.id in taken:
                raise text.error(cell.id, "two cells have this grade_id")
        else:
            cell.id = _digest(cell, taken)
        taken.add(cell.id)


def _digest(cell: NotebookNode, taken: set[str]) -> str:
    """An id from the cell's content, and a number where the same content comes again."""
    digest = hashlib.sha256(f"{cell.cell_type} {cell.source}".encode()).hexdigest()[:12]
    repeats = sum(name.startswith(digest) for name in taken)
    return f"{digest}-{repeats}" if repeats else digest
