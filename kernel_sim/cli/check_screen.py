"""A lab report as a person reads it: a table of checks, then each failure's smallest case."""

from typing import Final

from rich.markup import escape
from rich.padding import Padding

from kernel_sim.checks.concepts import CASELESS
from kernel_sim.checks.run import CheckReport, LabReport
from kernel_sim.cli.screen import console, table

_MARKS: Final = {
    "passed": "[green]✓ passed[/]",
    "failed": "[red]✗ failed[/]",
    "errored": "[cyan]! ours[/]",
}


def show_report(report: LabReport, plugin: str) -> None:
    """Print the report on ``plugin``."""
    screen = console()
    listing = table("", "check", "#points", "what it asks")
    for item in report.reports:
        points = f"{item.points:g} / {item.max_points:g}"
        listing.add_row(_MARKS[item.result.status], item.check.id, points, item.check.title)
    screen.print(f"[bold]{report.lab}[/] · {escape(plugin)}")
    screen.print(listing)
    told: dict[tuple[str, str], str] = {}
    for item in report.reports:
        finding = item.result.finding
        key = (finding.problem, finding.cause) if finding else ("", "")
        if finding is not None and key in told:
            _show_again(item, told[key])
            continue
        told[key] = item.check.id
        _show_failure(item)
    screen.print(f"[bold]{report.score:g} of {report.max_score:g} points[/], seed {report.seed}")
    if report.hidden_missing:
        screen.print("The rest of the checks are run when your work is graded.")


def _show_again(item: CheckReport, before: str) -> None:
    """One line for a check that found what the check ``before`` has found."""
    failed = ", ".join(part.title for part in item.result.parts if not part.passed)
    parts = f", in: {escape(failed)}" if failed else ""
    console().print(f"[red]✗ {item.check.id}[/]: the same as {before}{parts}\n")


def _show_failure(item: CheckReport) -> None:
    """What one check found: the problem, the case, the way to run it again."""
    screen = console()
    finding = item.result.finding
    if item.result.error:
        screen.print(f"[cyan]{item.check.id}[/]: {escape(item.result.error)}")
        screen.print("  This is our fault, not yours, and costs no points.\n")
    if finding is None:
        return
    screen.print(f"[red]✗ {item.check.id}[/] ({finding.requirement}): {escape(finding.problem)}")
    if finding.line and finding.source_line.strip():
        screen.print(f"  in line {finding.line}: {escape(finding.source_line.strip())}")
    screen.print(f"  [yellow]{escape(finding.cause)}[/]")
    for part in item.result.parts:
        mark = "✓" if part.passed else "✗"
        screen.print(f"  {mark} {part.title}")
    case = None if finding.concept in CASELESS else finding.counterexample
    if case is not None:
        screen.print(Padding(escape(case.picture), (0, 0, 0, 4)))
        screen.print(f"    in a notebook: {escape(case.line)}", soft_wrap=True)
    screen.print()
