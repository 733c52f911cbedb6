"""``ksim grade``: grade everything of a lab that is missing or changed."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from kernel_sim.cli.screen import console, print_json
from kernel_sim_grader.cli.course_option import CourseFolder, course_folder
from kernel_sim_grader.sandbox.modes import AUTO, NAMESPACES, chosen

if TYPE_CHECKING:
    from kernel_sim_grader.class_grading import ClassFolder, ClassResult

app = typer.Typer(add_completion=False)
HOW: Final = {
    True: "each submission alone in a sandbox",
    False: "each submission in a process with limits, without a sandbox",
}
"""Isolated → what the summary says of it."""


@app.command()
def grade(  # noqa: PLR0913, PLR0917 - one for each option
    lab: Annotated[str, typer.Argument(help="A released lab such as lab1.")],
    course: CourseFolder = None,
    submissions: Annotated[
        Path | None,
        typer.Option(help="STUDENT/LAB/LAB.ipynb below it; else the course's submitted folder."),
    ] = None,
    sandbox: Annotated[
        str, typer.Option(help="auto isolates each submission or refuses; none only limits it.")
    ] = AUTO,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="How many at the same time; else the cores there are.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(metavar="URL", help="A Dask scheduler, whose workers judge.")
    ] = None,
    db_url: Annotated[
        str | None, typer.Option(help="Another gradebook than the course's: postgresql://…")
    ] = None,
    feedback: Annotated[
        bool, typer.Option("--feedback", help="Also write nbgrader's feedback pages.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Also what has not changed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Grade everything of a lab that is missing or changed."""
    from kernel_sim_grader.class_grading import ClassFolder, Means, grade_class  # noqa: PLC0415
    from kernel_sim_grader.grade_progress import grading_bar  # noqa: PLC0415 - rich
    from kernel_sim_grader.grade_table import result_table  # noqa: PLC0415 - rich

    mode = chosen(sandbox)
    where = course_folder(course)
    folder = ClassFolder(where, lab, submissions.resolve() if submissions else None)
    try:
        with grading_bar(f"grading {lab}", len(folder.students()), shown=not as_json) as step:
            means = Means(jobs or cores(), cluster, db_url)
            result = grade_class(folder, means, sandbox=mode, force=force, on_done=step)
    except KeyboardInterrupt:
        sys.stderr.write(f"what is graded is kept; ksim grade {lab} goes on with the rest\n")
        raise
    if feedback:
        write_pages(folder, result, db_url, shown=not as_json)
    if as_json:
        print_json(result.as_json())
    else:
        if result.graded or result.errored:
            console().print(result_table(result))
        console().print(
            f"graded {len(result.graded)}, unchanged {len(result.skipped)}, "
            f"without a grade {len(result.errored)}, in {result.seconds:.1f} s; "
            + HOW[result.sandbox == NAMESPACES]
        )
        if feedback:
            console().print(f"feedback:  {where / 'feedback'}")
        elif result.graded:
            console().print(f"feedback:  nbgrader generate_feedback {lab}   (in {where})")
    if result.errored:
        raise typer.Exit(1)


def write_pages(
    folder: "ClassFolder", result: "ClassResult", db_url: str | None, *, shown: bool
) -> None:
    """Write the feedback of who was graded now, and of who has none yet."""
    from kernel_sim_grader.feedback_pages import feedback_page, write_feedback  # noqa: PLC0415
    from kernel_sim_grader.grade_progress import grading_bar  # noqa: PLC0415 - rich

    course, lab = folder.course, folder.lab
    students = [item.student for item in result.graded]
    students += [name for name in result.skipped if not feedback_page(course, lab, name).is_file()]
    if students:
        with grading_bar(f"feedback of {lab}", len(students), shown=shown) as step:
            write_feedback(course, lab, students, db_url=db_url, on_done=step)


def cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
