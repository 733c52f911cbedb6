"""``ksim plugin new``: a plugin project to begin with."""

from pathlib import Path
from typing import Annotated

import typer

from kernel_sim.cli.role_options import AsJson, Profile
from kernel_sim.cli.screen import console, print_json

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def plugin() -> None:
    """Begin a plugin of your own."""


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Such as my-frames.")],
    role: Annotated[
        str, typer.Option(metavar="ROLE", help="memmap, pmm, paging, heap or guard.")
    ] = "pmm",
    profile: Profile = "kernel-v",
    folder: Annotated[
        Path | None, typer.Option("--in", metavar="DIR", help="Where to put it; else here.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a plugin project that boots and passes its tests at once."""
    from kernel_sim.cli.plugin_project import plugin_project, write_project  # noqa: PLC0415

    files = plugin_project(name, role, profile)
    written = write_project((folder or Path()) / name, files)
    if as_json:
        print_json({"written": [str(path) for path in written]})
        return
    for path in written:
        console().print(f"written  {path}", markup=False)
    source, home = written[1], written[0].parent
    console().print(
        f"\nboot with it:   ksim boot --profile {profile} --{role} {source}", markup=False
    )
    console().print(f"test it:        python -m pytest {home}", markup=False)
    console().print(f"install it:     pip install -e {home}", markup=False)
