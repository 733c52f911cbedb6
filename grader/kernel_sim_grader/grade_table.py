"""Grade tables on the terminal."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from kernel_sim.cli.screen import table
from kernel_sim_grader.class_grading import ClassResult
from kernel_sim_grader.report import GradeRow

BAR_CELLS = 18
FULL, HALF = "█", "▌"


def report_table(rows: Sequence[GradeRow]) -> Table:
    """One line for each student and lab."""
    listing = table("lab", "student", "#checks", "", "#by hand", "lost points at", "remark")
    for row in rows:
        full = row.checks == row.checks_max
        style = "green" if full else ("red" if row.checks == 0 else "")
        by_hand = f"{row.waiting:g} wait" if row.waiting else f"{row.score - row.checks:g}"
        listing.add_row(
            row.lab,
            row.student,
            f"{row.checks:g} / {row.checks_max:g}",
            bar(row.checks, row.checks_max),
            by_hand,
            _names(row.failed),
            row.reason,
            style=style,
        )
    return listing


def result_table(result: ClassResult) -> Table:
    """One line for each submission that was graded now, or could not be."""
    listing = table("student", "#checks", "", "#seconds", "remark")
    for item in result.graded:
        score = f"{item.score:g} / {item.max_score:g}"
        bars = bar(item.score, item.max_score)
        listing.add_row(item.student, score, bars, f"{item.seconds:.2f}", item.reason)
    for missing in result.errored:
        remark = f"no grade: {missing['reason']}"
        listing.add_row(missing["student"], "-", "", "", remark, style="red")
    return listing


def statistics_lines(facts: dict[str, Any]) -> list[str]:
    """The statistics in words."""
    if not facts:
        return ["no grades yet"]
    figures = [
        f"{facts['students']} student{'s' * (facts['students'] != 1)}",
        *(f"{name} {facts[name]:g}" for name in ("mean", "median", "lowest", "highest")),
        f"full marks {facts['full_marks']}",
    ]
    lines = [", ".join(figures)]
    lost = ", ".join(f"{name} ({count})" for name, count in facts["lost_points_at"].items())
    return [*lines, f"points were lost at: {lost}"] if lost else lines


def bar(score: float, most: float) -> str:
    """A bar of `BAR_CELLS` characters, to half a character."""
    halves = round(2 * BAR_CELLS * score / most) if most else 0
    return (FULL * (halves // 2) + HALF * (halves % 2)).ljust(BAR_CELLS, "·")


def _names(names: Sequence[str]) -> str:
    most = 3
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
