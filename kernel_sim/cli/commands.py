"""Which commands there are, and where each one lives."""

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "kernel_sim.commands"
"""Entry points of this group add commands: name → a typer app."""

COMMANDS: Final = {
    "boot": ("kernel_sim.cli.boot", "Boot a profile on a machine, with any role in other hands."),
    "plugins": ("kernel_sim.cli.plugins", "List the installed plugins."),
    "plugin": ("kernel_sim.cli.plugin", "Begin a plugin of your own."),
    "machines": ("kernel_sim.cli.machines", "List the presets and the real firmware maps."),
    "check": ("kernel_sim.cli.check", "Run the checks of a lab on a plugin or notebook."),
    "replay": ("kernel_sim.cli.replay", "Run a counterexample again, step by step."),
    "compare": (
        "kernel_sim.cli.compare",
        "Put profiles and plugins side by side on the same workload.",
    ),
    "trace": ("kernel_sim.cli.trace", "Run allocation traces on a heap."),
    "memlayout": ("kernel_sim.cli.memlayout", "Boot a profile and show what its page tables map."),
    "verify": (
        "kernel_sim.cli.verify",
        "Boot a profile and ask an x86 emulator whether it sees the same address space.",
    ),
    "conformance": (
        "kernel_sim.cli.conformance",
        "Compare the MMU with an x86 emulator on random page tables and accesses.",
    ),
}
"""Command → its module, which holds a typer ``app``, and the line about it in ``ksim --help``."""

GRADER_COMMANDS: Final = {
    "course": "Build the course, its release, or a sample class.",
    "grade": "Grade everything of a lab that is missing or changed.",
    "report": "Show grades and statistics.",
    "lab": "Open JupyterLab on your own copy of a lab.",
    "doctor": "Say which walls of the sandbox stand.",
}
"""Commands of the instructor's package, known by name where it is not installed."""


def installed_commands() -> "dict[str, EntryPoint]":
    """The commands that other packages add."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - looks through all packages

    return {point.name: point for point in entry_points(group=GROUP)}


def command_names() -> list[str]:
    """Every command that can be given here, the package's own first."""
    return [*COMMANDS, *(name for name in sorted(installed_commands()) if name not in COMMANDS)]


def load_app(name: str) -> Any:  # noqa: ANN401 - a typer app, typer not being imported here
    """The typer app of the command ``name``, or None if there is no such command."""
    if name in COMMANDS:
        import importlib  # noqa: PLC0415 - with the module

        return importlib.import_module(COMMANDS[name][0]).app
    point = installed_commands().get(name)
    return None if point is None else point.load()


def help_lines() -> dict[str, str]:
    """Command → one line about it; nothing is imported for that."""
    lines = {name: line for name, (_, line) in COMMANDS.items()}
    for name in sorted(installed_commands()):
        lines.setdefault(name, GRADER_COMMANDS.get(name, "Added by another package."))
    return lines
