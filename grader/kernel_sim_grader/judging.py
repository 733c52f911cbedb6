"""One submission judged from end to end: a task in, a verdict out, nothing else touched.

The same function runs in this process, in a judge process and on a cluster's worker::

    Task ──▶ read_submission ──▶ grade_text (in a sandboxed worker) ──▶ graded notebook ──▶ Verdict
"""

import hashlib
import json
import time
from typing import Final

import nbformat
from nbformat import NotebookNode

from kernel_sim.errors import InputError
from kernel_sim_grader.graded_notebook import plugin_text, write_outputs
from kernel_sim_grader.grading import GradedReport, grade_text, report_text, unread
from kernel_sim_grader.submission import (
    Submission,
    TrustedCell,
    blank_submission,
    submission_of,
)
from kernel_sim_grader.tasks import Judged, Lost, Task, Verdict

KEY: Final = "kernel_sim"
"""Under this name a graded notebook says what graded it."""
NO_RESPONSE: Final = "No response."
"""nbgrader's remark on an answer that was left as it was released."""


def judge(task: Task) -> Verdict:
    """The verdict on one submission; whatever goes wrong on our side is a `Lost` with its reason.

    Raises:
        InputError: submissions can't be isolated here.
    """
    try:
        return _judge(task)
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - one submission must not end the batch
        return Lost(task.student, f"grading it broke: {type(error).__name__}: {error}")


def _judge(task: Task) -> Judged:
    started = time.monotonic()
    assignment = task.assignment
    submission = _submission(task)
    notebook = submission.notebook
    report = _report(task, submission)
    comments = _comments(notebook, assignment.cells)
    grades = {cell.grade_id: _by_hand(cell, comments) for cell in assignment.cells if cell.grade}
    broken = write_outputs(notebook, report)
    grades |= _scores(notebook)
    if assignment.kernelspec is not None:
        notebook.metadata["kernelspec"] = json.loads(assignment.kernelspec)
    notebook.metadata[KEY] = {"seed": report.seed, "versions": report.versions}
    return Judged(
        student=task.student,
        score=report.score,
        max_score=report.max_score,
        reason=report.reason,
        seconds=round(time.monotonic() - started, 4),
        check_seconds=report.seconds,
        notebook=nbformat.writes(notebook) + "\n",
        report=report_text(report),
        grades=grades,
        comments=comments,
        broken=broken,
    )


def _submission(task: Task) -> Submission:
    if task.unreadable:
        return blank_submission(task.unreadable, task.assignment.cells)
    return submission_of(task.data, task.assignment.cells)


def _report(task: Task, submission: Submission) -> GradedReport:
    assignment = task.assignment
    lab, seed = assignment.lab, assignment.seed
    if submission.unreadable:
        report = unread(lab, seed, submission.unreadable)
    else:
        text = plugin_text(submission.notebook)
        report = grade_text(text, lab, f"{lab}.ipynb", seed, sandbox=assignment.sandbox)
    report.notes = submission.notes
    report.sha256 = hashlib.sha256(task.data).hexdigest()
    report.files, report.grounds = task.files, assignment.grounds
    return report


def _comments(notebook: NotebookNode, cells: tuple[TrustedCell, ...]) -> dict[str, str | None]:
    """Answer → nbgrader's remark: whether it was left as it was released."""
    submitted = {
        cell.metadata["nbgrader"]["grade_id"]: cell
        for cell in notebook.cells
        if "nbgrader" in cell.metadata
    }
    return {
        cell.grade_id: NO_RESPONSE if _is_untouched(cell, submitted[cell.grade_id]) else None
        for cell in cells
        if cell.solution or cell.task
    }


def _is_untouched(cell: TrustedCell, submitted: NotebookNode) -> bool:
    """Whether an answer has the checksum it was released with; a task's always counts as done."""
    return not cell.task and cell.checksum is not None and cell.checksum == checksum(submitted)


def _by_hand(cell: TrustedCell, comments: dict[str, str | None]) -> float | None:
    """The score of a cell that no check decides: 0 for no answer, else a person's."""
    return 0.0 if cell.solution and comments.get(cell.grade_id) else None


def _scores(notebook: NotebookNode) -> dict[str, float | None]:
    """Test cell → the number in its outputs, as nbgrader reads it."""
    return {
        cell.metadata["nbgrader"]["grade_id"]: float(output["data"]["text/plain"])
        for cell in notebook.cells
        if cell.cell_type == "code" and "nbgrader" in cell.metadata
        for output in cell.outputs
        if output["output_type"] == "execute_result"
    }


def checksum(cell: NotebookNode) -> str:
    """Nbgrader's checksum of a cell: of its text, type, flags, name and points."""
    data = cell.metadata["nbgrader"]
    grade, solution = bool(data.get("grade")), bool(data.get("solution"))
    locked = not solution and (grade or bool(data.get("locked")))
    parts = [cell.source, cell.cell_type, str(grade), str(solution), str(locked), data["grade_id"]]
    if grade:
        parts.append(str(float(data["points"])))
    return hashlib.md5("".join(parts).encode(), usedforsecurity=False).hexdigest()
