"""A submitted file, whatever it is, as a notebook that nbgrader can grade.

nbgrader stops at a file that is not JSON, at grade ids that were changed, at metadata of another
schema, and scores nothing for a test cell that was deleted. Here every submission becomes a
notebook: the student's cells in their order, with the trusted cells of the gradebook put back, and
no outputs. What was done is listed for the instructor and the student.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_notebook

from kernel_sim_grader.notebook_cells import CELL_TYPES, new_cell

SKIP_TAG: Final = "ksim-skip"
"""Cells with this tag are no part of the plugin."""
MAX_NOTEBOOK_BYTES: Final = 16 * 1024 * 1024
MAX_CELLS: Final = 2000


@dataclass(frozen=True, slots=True)
class TrustedCell:
    """A cell of the released notebook as the gradebook holds it.

    ``source`` is the released text; of a locked cell it replaces the submitted one.
    """

    grade_id: str
    cell_type: str
    source: str
    checksum: str | None
    grade: bool
    solution: bool
    task: bool
    locked: bool
    points: float | None

    @property
    def is_test(self) -> bool:
        """Whether the cell only runs a check; it is no part of the plugin."""
        return self.grade and not self.solution and self.cell_type == "code"

    def metadata(self) -> dict[str, Any]:
        """What nbgrader keeps in the cell, complete and of the schema it reads."""
        data: dict[str, Any] = {
            "grade_id": self.grade_id,
            "grade": self.grade,
            "solution": self.solution,
            "task": self.task,
            "locked": self.locked,
            "cell_type": self.cell_type,
            "checksum": self.checksum,
            "schema_version": 3,
        }
        if self.points is not None:
            data["points"] = self.points
        return {key: value for key, value in data.items() if value is not None}


@dataclass(slots=True)
class Submission:
    """What became of a submitted file.

    ``unreadable`` is None or the reason why nothing of the file could be used; ``notes`` are lines
    about what was put right.
    """

    notebook: NotebookNode
    unreadable: str | None = None
    notes: list[str] = field(default_factory=list)


class UnreadableError(Exception):
    """A file is no notebook; the message is the student's line."""


def read_submission(path: Path, trusted: Sequence[TrustedCell]) -> Submission:
    """The file at ``path`` as a notebook with all ``trusted`` cells, in the released order."""
    try:
        return submission_of(read_file(path), trusted)
    except UnreadableError as error:
        return blank_submission(str(error), trusted)


def submission_of(data: bytes, trusted: Sequence[TrustedCell]) -> Submission:
    """A file's content as a notebook with all ``trusted`` cells, in the released order."""
    try:
        cells = _student_cells(_parsed(data))
    except UnreadableError as error:
        return blank_submission(str(error), trusted)
    notes: list[str] = []
    known = {cell.grade_id: cell for cell in trusted}
    placed = _last_places(cells, known)
    notebook = new_notebook()
    for index, raw in enumerate(cells):
        grade_id = _grade_id(raw)
        if grade_id is not None and placed.get(grade_id) == index:
            notebook.cells.append(_graded_cell(raw, known[grade_id], notes))
        else:
            notebook.cells.append(_plain_cell(raw, known.get(grade_id or ""), notes))
    _put_back(notebook, trusted, notes)
    _number(notebook)
    return Submission(notebook, notes=notes)


def read_file(path: Path) -> bytes:
    """The file's content, or a byte more of it than a notebook may have.

    Raises:
        UnreadableError: it can't be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_NOTEBOOK_BYTES + 1)
    except OSError as error:
        raise UnreadableError(f"the file can't be read: {error.strerror}") from None


def _parsed(data: bytes) -> Any:  # noqa: ANN401 - whatever the file holds
    """The parsed file.

    Raises:
        UnreadableError: it is too long, or not JSON.
    """
    if len(data) > MAX_NOTEBOOK_BYTES:
        raise UnreadableError(f"the file is longer than {MAX_NOTEBOOK_BYTES >> 20} MiB")
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise UnreadableError("the file is not a notebook: it is not valid JSON") from None


def _student_cells(document: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - not yet judged
    """The document's cells as plain dictionaries with a known type, a text and metadata.

    Raises:
        UnreadableError: there is no list of cells.
    """
    if isinstance(document, dict) and "worksheets" in document:
        document = _upgraded(document)
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        raise UnreadableError("the file is not a notebook: it has no list of cells")
    if len(document["cells"]) > MAX_CELLS:
        raise UnreadableError(f"the notebook has more than {MAX_CELLS} cells")
    return [cell for raw in document["cells"] if (cell := _student_cell(raw)) is not None]


def _upgraded(document: dict[str, Any]) -> Any:  # noqa: ANN401 - nbformat's
    """A notebook of format 3 or older as format 4."""
    try:
        return json.loads(nbformat.v4.writes(nbformat.convert(nbformat.from_dict(document), 4)))
    except Exception as error:
        raise UnreadableError("the notebook's format is too old to be read") from error


def _student_cell(raw: Any) -> dict[str, Any] | None:  # noqa: ANN401 - not yet judged
    if not isinstance(raw, dict) or raw.get("cell_type") not in CELL_TYPES:
        return None
    source = raw.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        return None
    metadata = raw.get("metadata")
    return {
        "cell_type": raw["cell_type"],
        "source": source.encode("utf-8", "replace").decode(),
        "metadata": metadata if isinstance(metadata, dict) else {},
    }


def _grade_id(raw: Mapping[str, Any]) -> str | None:
    data = raw["metadata"].get("nbgrader")
    grade_id = data.get("grade_id") if isinstance(data, dict) else None
    return grade_id if isinstance(grade_id, str) else None


def _tags(raw: Mapping[str, Any]) -> list[str]:
    """The cell's tags as nbformat allows them: each once, not empty, without a comma."""
    tags = raw["metadata"].get("tags")
    texts = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    return [tag for tag in dict.fromkeys(texts) if tag and "," not in tag]


def _last_places(cells: list[dict[str, Any]], known: Mapping[str, TrustedCell]) -> dict[str, int]:
    """Grade id → index of the cell that counts: the last one, as nbgrader has it."""
    return {
        grade_id: index
        for index, raw in enumerate(cells)
        if (grade_id := _grade_id(raw)) is not None and grade_id in known
    }


def _graded_cell(raw: dict[str, Any], trusted: TrustedCell, notes: list[str]) -> NotebookNode:
    """The submitted cell under its trusted metadata; a locked one also gets its text back."""
    source = raw["source"]
    if trusted.locked and source != trusted.source:
        notes.append(f"the locked cell {trusted.grade_id!r} had been changed and was restored")
        source = trusted.source
    return _cell(trusted, source, _tags(raw))


def _plain_cell(raw: dict[str, Any], twin: TrustedCell | None, notes: list[str]) -> NotebookNode:
    """A cell that earns nothing; a second copy of a test cell is kept but not run."""
    tags = _tags(raw)
    if twin is not None:
        notes.append(f"the cell {twin.grade_id!r} is there more than once; the last one counts")
        if twin.is_test and SKIP_TAG not in tags:
            tags.append(SKIP_TAG)
    metadata = {"tags": tags} if tags else {}
    return new_cell(raw["cell_type"], raw["source"], metadata)


def _cell(trusted: TrustedCell, source: str, tags: list[str]) -> NotebookNode:
    if trusted.is_test and SKIP_TAG not in tags:
        tags = [*tags, SKIP_TAG]
    metadata: dict[str, Any] = {"nbgrader": trusted.metadata()}
    if tags:
        metadata["tags"] = tags
    if trusted.locked:
        metadata |= {"deletable": False, "editable": False}
    return new_cell(trusted.cell_type, source, metadata)


def _put_back(notebook: NotebookNode, trusted: Sequence[TrustedCell], notes: list[str]) -> None:
    """Insert each trusted cell that is missing behind the one that precedes it in the release."""
    for place, cell in enumerate(trusted):
        ids = [_grade_id(other) for other in notebook.cells]
        if cell.grade_id in ids:
            continue
        notes.append(f"the cell {cell.grade_id!r} was missing and was put back")
        before = {earlier.grade_id for earlier in trusted[:place]}
        index = max((i + 1 for i, name in enumerate(ids) if name in before), default=0)
        notebook.cells.insert(index, _cell(cell, cell.source, []))


def blank_submission(reason: str, trusted: Sequence[TrustedCell]) -> Submission:
    """The trusted cells alone, for a file of which nothing can be used; it says why."""
    notebook = new_notebook()
    notebook.cells.append(new_cell("markdown", f"**This submission could not be read**: {reason}."))
    notebook.cells += [_cell(cell, cell.source, []) for cell in trusted]
    _number(notebook)
    return Submission(notebook, unreadable=reason)


def _number(notebook: NotebookNode) -> None:
    """Give the cells ids that depend on nothing but their place."""
    for index, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{index}"
