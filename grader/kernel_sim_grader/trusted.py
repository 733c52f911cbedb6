"""The released notebook's graded cells, from nbgrader's gradebook: never from a submission."""

from pathlib import Path

import nbformat
from nbgrader.api import Gradebook, Notebook

from kernel_sim_grader.submission import TrustedCell


def trusted_cells(gradebook: Gradebook, notebook: str, assignment: str) -> list[TrustedCell]:
    """The cells of ``notebook`` that nbgrader knows, by name.

    Raises:
        nbgrader.api.MissingEntry: there is no such notebook or assignment.
    """
    found: Notebook = gradebook.find_notebook(notebook, assignment)
    points = {cell.name: float(cell.max_score) for cell in found.grade_cells + found.task_cells}
    graded = {cell.name for cell in found.grade_cells}
    solutions = {cell.name for cell in found.solution_cells}
    tasks = {cell.name for cell in found.task_cells}
    return [
        TrustedCell(
            grade_id=cell.name,
            cell_type=cell.cell_type,
            source=cell.source,
            checksum=cell.checksum,
            grade=cell.name in graded,
            solution=cell.name in solutions,
            task=cell.name in tasks,
            locked=bool(cell.locked),
            points=points.get(cell.name),
        )
        for cell in sorted(found.source_cells, key=lambda cell: cell.name)
    ]


def in_order_of(cells: list[TrustedCell], released: Path) -> list[TrustedCell]:
    """``cells`` in the order of the notebook at ``released``; what it lacks comes last."""
    try:
        notebook = nbformat.read(released, as_version=4)
    except (OSError, ValueError):
        return cells
    ids = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in notebook.cells]
    places = {grade_id: place for place, grade_id in enumerate(ids) if grade_id}
    return sorted(cells, key=lambda cell: places.get(cell.grade_id, len(ids)))
