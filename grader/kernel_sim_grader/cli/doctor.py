"""``ksim doctor``: which walls of the sandbox stand on this machine."""

from typing import Annotated

import typer

from kernel_sim.cli.screen import console, print_json
from kernel_sim_grader.sandbox.modes import AUTO

app = typer.Typer(add_completion=False)


@app.command()
def doctor(
    sandbox: Annotated[
        str, typer.Option(help="none shows what is open to a worker without walls.")
    ] = AUTO,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Say which walls of the sandbox stand: a worker tries each of them."""
    from kernel_sim_grader.grade_progress import grading_bar  # noqa: PLC0415 - rich
    from kernel_sim_grader.sandbox.doctor import diagnose  # noqa: PLC0415 - not for --help
    from kernel_sim_grader.sandbox.doctor_table import wall_table  # noqa: PLC0415 - rich

    with grading_bar("trying the walls", None, shown=not as_json) as step:
        found = diagnose(sandbox, step)
    if as_json:
        print_json(found.as_json())
    else:
        if not found.refusal:
            console().print(wall_table(found))
        console().print(found.refusal or _summary(found.all_stand), soft_wrap=True)
    if not found.all_stand:
        raise typer.Exit(1)


def _summary(all_stand: bool) -> str:
    return "every wall stands" if all_stand else "not every wall stands"
