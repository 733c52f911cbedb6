"""The options that put a plugin into a role, shared by the commands that boot."""

from typing import Annotated

import typer

Plugin = Annotated[str | None, typer.Option(metavar="PLUGIN", help="Name, .py or .ipynb.")]
Machine = Annotated[
    str | None, typer.Option(metavar="M", help="A name of ksim machines, or a JSON file.")
]
Profile = Annotated[str, typer.Option(help="kernel-v, bulldog, bulldog-early, theseus or cyrius.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


def chosen_roles(**given: str | None) -> dict[str, object]:
    """The roles that were given a plugin."""
    return {role: source for role, source in given.items() if source is not None}
