"""``ksim replay``: a counterexample run again, step by step."""

from pathlib import Path
from typing import Annotated

import typer

from kernel_sim.cli.role_options import AsJson, Plugin
from kernel_sim.cli.screen import console, only_json, print_json
from kernel_sim.errors import InputError

app = typer.Typer(add_completion=False)


@app.command()
def replay(  # noqa: PLR0913, PLR0917 - an option for each role
    file: Annotated[Path, typer.Argument(help="A counterexample or its replay, as JSON.")],
    memmap: Plugin = None,
    pmm: Plugin = None,
    paging: Plugin = None,
    heap: Plugin = None,
    guard: Plugin = None,
    as_json: AsJson = False,
) -> None:
    """Run a counterexample again, step by step."""
    from kernel_sim.checks.local_bench import LocalBench  # noqa: PLC0415 - not for --help
    from kernel_sim.checks.replay_run import verdict_of  # noqa: PLC0415
    from kernel_sim.checks.replays import load_any, run_any  # noqa: PLC0415
    from kernel_sim.profiles import profile  # noqa: PLC0415

    wanted = load_any(file)
    given = {"memmap": memmap, "pmm": pmm, "paging": paging, "heap": heap, "guard": guard}
    source = given[wanted.role] or profile("kernel-v").roles[wanted.role]
    with only_json(as_json):
        bench = LocalBench(source, [wanted.role])
        failure = bench.loaded.failure
        if failure is not None:
            raise InputError(failure.message, where=source, expected=f"a {wanted.role} plugin")
        steps = run_any(wanted, bench)
    verdict = verdict_of(steps)
    if as_json:
        print_json({"steps": [step.as_json() for step in steps], "verdict": verdict})
    else:
        for number, step in enumerate(steps, start=1):
            mark = {True: "✓", False: "✗", None: "·"}[step.ok]
            console().print(f"{mark} {number}. {step.operation}: {step.result}", markup=False)
            for line in step.picture.splitlines():
                console().print(f"      {line}", markup=False)
        console().print(f"{source}: {verdict}", markup=False)
    if verdict == "failed":
        raise typer.Exit(1)
