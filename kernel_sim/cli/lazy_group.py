"""A command group that imports a command's module only when that command is used."""

from typing import Any, TypeAlias

import typer
from typer.core import TyperGroup
from typer.main import get_command

from kernel_sim.cli.commands import (
    COMMANDS,
    GRADER_COMMANDS,
    command_names,
    help_lines,
    load_app,
)
from kernel_sim.errors import InputError
from kernel_sim.nearest import unknown_name

Command: TypeAlias = Any
"""A command of the click that typer brings along."""


class LazyGroup(TyperGroup):
    """``ksim`` itself."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """The names of all commands."""
        del ctx
        return command_names()

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Command:  # type: ignore[override]
        """The command called ``cmd_name``.

        Raises:
            InputError: there is none, or it belongs to a package that is not installed.
        """
        del ctx
        app = load_app(cmd_name)
        if app is not None:
            command = get_command(app)
            command.name = cmd_name
            return command
        if cmd_name in GRADER_COMMANDS:
            raise InputError("install kernel-sim-grader", where=f"ksim {cmd_name}")
        raise unknown_name("command", cmd_name, [*COMMANDS, *GRADER_COMMANDS])

    def format_help(self, ctx: typer.Context, formatter: object) -> None:  # type: ignore[override]
        """Print the list of commands."""
        del ctx, formatter
        from kernel_sim.cli.screen import console, table  # noqa: PLC0415 - rich

        console().print("[bold]ksim[/bold]: a simulated x86 machine and its kernels\n")
        console().print("ksim COMMAND [OPTIONS]    ksim COMMAND --help    ksim --version\n")
        listing = table("command", "what it does")
        for name, line in help_lines().items():
            listing.add_row(name, line)
        console().print(listing)
