"""``ksim boot``: boot a profile on a machine, with any role in other hands."""

from typing import Annotated, Any

import typer

from kernel_sim.cli.screen import only_json, print_json
from kernel_sim.errors import InputError

app = typer.Typer(add_completion=False)

Plugin = Annotated[str | None, typer.Option(metavar="PLUGIN", help="Name, .py or .ipynb.")]


@app.command()
def boot(  # noqa: PLR0913, PLR0917 - one parameter for each option
    profile: Annotated[
        str, typer.Option(help="kernel-v, bulldog, bulldog-early, theseus or cyrius.")
    ] = "kernel-v",
    machine: Annotated[
        str | None, typer.Option(metavar="M", help="A name of ksim machines, or a JSON file.")
    ] = None,
    memmap: Plugin = None,
    pmm: Plugin = None,
    paging: Plugin = None,
    heap: Plugin = None,
    guard: Plugin = None,
    seed: Annotated[int, typer.Option(help="Of the poison in RAM.")] = 0,
    until: Annotated[
        str | None, typer.Option(metavar="STEP", help="The last boot step to take.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Change a setting of the profile."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Boot a profile on a machine, with any role in other hands."""
    from kernel_sim.boot import boot as boot_profile  # noqa: PLC0415 - not for --help

    given = {"memmap": memmap, "pmm": pmm, "paging": paging, "heap": heap, "guard": guard}
    with only_json(as_json):
        result = boot_profile(
            profile,
            machine,
            {role: source for role, source in given.items() if source is not None},
            seed=seed,
            until=until,
            config=dict(map(_setting, settings or [])),
        )
        document = result.as_json()
    if as_json:
        print_json(document)
    else:
        from kernel_sim.cli.boot_screen import show_boot  # noqa: PLC0415 - rich

        show_boot(document, result.oops)
    if not result.ok:
        raise typer.Exit(1)


def _setting(text: str) -> tuple[str, Any]:
    """``NAME=VALUE`` as a name and a value: on, off, a number, or text.

    Raises:
        InputError: there is no equals sign.
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"{text!r} is no setting", where="--set", expected="NAME=VALUE")
    words = {"on": True, "true": True, "off": False, "false": False}
    if value.lower() in words:
        return name, words[value.lower()]
    try:
        return name, int(value, 0)
    except ValueError:
        return name, value
