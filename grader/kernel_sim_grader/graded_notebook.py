"""A graded notebook: what of a submission is the plugin, and each check's report in its test cell.

Nothing here imports nbgrader: what it reads of a cell is the cell's metadata.
"""

import json
from typing import Any, Final

from nbformat import NotebookNode

from kernel_sim_grader import feedback
from kernel_sim_grader.grading import GradedReport
from kernel_sim_grader.notebook_cells import new_cell, new_output
from kernel_sim_grader.submission import SKIP_TAG

SUMMARY_ID: Final = "kernel-sim-summary"


def plugin_text(nb: NotebookNode) -> str:
    """The notebook with nothing in it but the plugin's cells; cell numbers stay as they are."""
    cells = [
        {
            "cell_type": "code",
            "id": cell.get("id", ""),
            "metadata": {"tags": cell.metadata.get("tags", [])},
            "source": "" if SKIP_TAG in cell.metadata.get("tags", []) else cell.source,
        }
        for cell in nb.cells
        if cell.cell_type == "code"
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})


def write_outputs(nb: NotebookNode, report: GradedReport) -> list[str]:
    """Write each check's report and score into its test cell, and a summary on top.

    Returns:
        The grade ids of cells that could not be checked, by no fault of the student's.
    """
    found = {check["id"]: check for check in report.checks}
    broken = []
    for cell in nb.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs, cell.execution_count = [], None
        data = cell.metadata.get("nbgrader", {})
        if data.get("grade") and not data.get("solution"):
            check = found.get(data["grade_id"])
            cell.outputs = cell_outputs(check, float(data["points"]))
            if check is None or check["status"] == "errored":
                broken.append(data["grade_id"])
    nb.cells.insert(0, new_cell("markdown", summary(report), cell_id=SUMMARY_ID))
    return broken


def cell_outputs(check: dict[str, Any] | None, cell_points: float) -> list[NotebookNode]:
    """The outputs of a test cell: the report, then the number that nbgrader takes as the score.

    Args:
        check: what was found; None if no installed check belongs to the cell.
        cell_points: what the gradebook says the cell is worth.
    """
    if check is None:
        report = {"text/plain": "No installed check belongs to this cell; your instructor sees it."}
        return [new_output("display_data", report), _score(cell_points)]
    told = feedback.shown(check, check["told"])
    report = {"text/plain": feedback.as_text(told), "text/html": feedback.as_html(told)}
    share = min(1.0, check["points"] / check["max_points"]) if check["max_points"] else 0.0
    return [new_output("display_data", report), _score(round(share * cell_points, 2))]


def _score(points: float) -> NotebookNode:
    data = {"text/plain": repr(points)}
    return new_output("execute_result", data, execution_count=1)


def summary(report: GradedReport) -> str:
    """What stands on top of the feedback: score, seed, versions and what was put right."""
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    lines = [
        f"**Checked automatically: {report.score:g} of {report.max_score:g} points.**",
        "",
        f"Seed {report.seed}, {versions}. The same again:",
        "",
        f"    ksim check {report.lab} {report.lab}.ipynb --seed {report.seed}",
    ]
    if report.notes:
        lines += ["", *(f"- {note}" for note in report.notes)]
    return "\n".join(lines)
