"""``ksim report``: the grade table and its statistics."""

from typing import Annotated

import typer

from kernel_sim.cli.screen import console, print_json
from kernel_sim_grader.cli.course_option import CourseFolder, course_folder

app = typer.Typer(add_completion=False)


@app.command()
def report(
    lab: Annotated[str | None, typer.Argument(help="A lab such as lab1; else all.")] = None,
    course: CourseFolder = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show grades and statistics."""
    from kernel_sim_grader import report as grades  # noqa: PLC0415 - not for --help

    rows = grades.grade_rows(course_folder(course), lab)
    if as_json:
        print_json(grades.as_json(rows))
        return
    from kernel_sim_grader.grade_table import report_table, statistics_lines  # noqa: PLC0415

    console().print(report_table(rows))
    for line in statistics_lines(grades.statistics_of(rows)):
        console().print(line)
