"""``ksim check``: a lab's checks on a plugin or notebook."""

from typing import Annotated

import typer

from kernel_sim.cli.screen import only_json, print_json

app = typer.Typer(add_completion=False)


@app.command()
def check(
    lab: Annotated[str, typer.Argument(help="lab1 to lab5.")],
    plugin: Annotated[str, typer.Argument(help="Name, .py or .ipynb.")],
    seed: Annotated[
        int | None, typer.Option(help="Of everything random; the practice seed by default.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="CHECK", help="Run this check; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Run the checks of a lab on a plugin or notebook."""
    from kernel_sim.checks.local_bench import LocalBench  # noqa: PLC0415 - not for --help
    from kernel_sim.checks.registry import lab_roles  # noqa: PLC0415
    from kernel_sim.checks.run import PRACTICE_SEED, run_checks  # noqa: PLC0415

    roles = lab_roles(lab)
    with only_json(as_json):
        report = run_checks(
            lab,
            lambda: LocalBench(plugin, roles),
            PRACTICE_SEED if seed is None else seed,
            only or None,
        )
    if as_json:
        print_json(report.as_json())
    else:
        from kernel_sim.cli.check_screen import show_report  # noqa: PLC0415 - rich

        show_report(report, plugin)
    if not report.passed:
        raise typer.Exit(1)
