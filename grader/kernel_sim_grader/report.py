"""Grade tables: nbgrader's gradebook and the kept reports, as rows and statistics."""

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kernel_sim.errors import InputError
from kernel_sim_grader.gradebook_url import GRADEBOOK, gradebook_url
from kernel_sim_grader.grading import read_report


@dataclass(frozen=True, slots=True)
class GradeRow:
    """One student's grade in one lab.

    Args:
        student: the id.
        lab: the assignment.
        checks: points by checks, as the gradebook has them.
        checks_max: what checks can give.
        score: all points so far, those by hand included.
        max_score: all points there are.
        waiting: points that wait for a person.
        failed: ids of the checks that cost points.
        reason: a line about the submission as a whole, where something was wrong with it.
    """

    student: str
    lab: str
    checks: float
    checks_max: float
    score: float
    max_score: float
    waiting: float
    failed: tuple[str, ...] = ()
    reason: str = ""


def grade_rows(course: Path, lab: str | None = None) -> list[GradeRow]:
    """The grades in a course's gradebook, by lab and student.

    Raises:
        InputError: there is no gradebook, or no such lab in it.
    """
    from nbgrader.api import Gradebook, MissingEntry  # noqa: PLC0415 - takes a second

    path = course / GRADEBOOK
    url = gradebook_url(course)
    if url.startswith("sqlite") and not Path(url.removeprefix("sqlite:///")).is_file():
        raise InputError("there is no gradebook", where=str(path), expected="ksim grade LAB first")
    rows = []
    with Gradebook(url) as gradebook:
        labs = [item.name for item in gradebook.assignments] if lab is None else [lab]
        for name in labs:
            try:
                gradebook.find_assignment(name)
            except MissingEntry:
                where = str(path)
                raise InputError(f"there is no lab {name!r} in it", where=where) from None
            submissions = gradebook.assignment_submissions(name)
            rows += [_row(course, name, submission) for submission in submissions]
    return sorted(rows, key=lambda row: (row.lab, row.student))


def _row(course: Path, lab: str, submission: Any) -> GradeRow:  # noqa: ANN401 - nbgrader's
    grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
    counted = [grade for grade in grades if grade.auto_score is not None]
    waiting = [grade for grade in grades if grade.needs_manual_grade]
    report = read_report(course, lab, submission.student.id) or {}
    by_hand = {grade.name for grade in grades if grade.cell.cell_type == "markdown"}
    checks = [grade for grade in grades if grade.name not in by_hand]
    return GradeRow(
        student=submission.student.id,
        lab=lab,
        checks=sum(grade.auto_score for grade in counted if grade.name not in by_hand),
        checks_max=sum(grade.max_score for grade in checks),
        score=submission.score,
        max_score=submission.max_score,
        waiting=sum(grade.max_score for grade in waiting),
        failed=tuple(g.name for g in checks if (g.auto_score or 0) < g.max_score),
        reason=report.get("reason", ""),
    )


def statistics_of(rows: Sequence[GradeRow]) -> dict[str, Any]:
    """Mean, median, extremes, and how many lost points at each check; empty without rows."""
    if not rows:
        return {}
    scores = [row.checks for row in rows]
    lost = Counter(name for row in rows for name in row.failed)
    return {
        "students": len(rows),
        "mean": round(statistics.mean(scores), 2),
        "median": statistics.median(scores),
        "lowest": min(scores),
        "highest": max(scores),
        "full_marks": sum(row.checks == row.checks_max for row in rows),
        "lost_points_at": dict(lost.most_common()),
    }


def as_json(rows: Sequence[GradeRow]) -> dict[str, Any]:
    """The document of ``ksim report --json``."""
    return {"rows": [asdict(row) for row in rows], "statistics": statistics_of(rows)}
