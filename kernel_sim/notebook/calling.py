"""Functions that call each other deeper and deeper, and what becomes of the stack."""

from collections.abc import Sequence

from kernel_sim.checks.accesses import perform
from kernel_sim.checks.descent import DAMAGES
from kernel_sim.errors import MachineStopped
from kernel_sim.host.oops import KernelOops
from kernel_sim.nearest import unknown_name
from kernel_sim.notebook.booting import Booted
from kernel_sim.notebook.quiet import quiet_while_loading
from kernel_sim.notebook.touching import Touch
from kernel_sim.values import Event

MOST_CALLERS = 8
"""So many addresses of a chain are shown."""
FIRST_LOCAL = 12
"""From the top of the stack to the first function's first local: return address, bp, one word."""


@quiet_while_loading
def call_deep(
    booted: Booted,
    depth: int,
    *,
    locals_bytes: int = 16,
    address: int | None = None,
    damage: str = "",
) -> Touch:
    """Let the kernel enter ``depth`` functions, each called by the last, and show what happens.

    Args:
        booted: the result of `boot`.
        depth: at least 1.
        locals_bytes: of each function.
        address: where the innermost one stores four bytes; None for a local of the first one's.
        damage: how the innermost one spoils its saved bp: ``'itself'``, ``'unmapped'`` and so on.

    Raises:
        InputError: there is no such damage.
    """
    if damage and damage not in DAMAGES:
        raise unknown_name("damage", damage, DAMAGES)
    where = booted.machine.cpu.sp - FIRST_LOCAL if address is None else address
    outcome = called(booted, (depth, locals_bytes, damage, where))
    outcome.show()
    return outcome


def called(booted: Booted, args: tuple[int, int, str, int]) -> Touch:
    """The calls and their outcome."""
    depth, locals_bytes = args[:2]
    what = f"{depth} functions deep, {locals_bytes} bytes of locals each:"
    sp, seen = booted.machine.cpu.sp, len(booted.machine.trace.events)
    try:
        perform(booted.result, "kernel.descend", args)
    except (MachineStopped, KernelOops) as error:
        lines = [str(error).splitlines()[0], *log_lines(booted, seen)]
        return Touch(what, lines, went_through=False)
    lowest = sp - depth * (8 + -(-locals_bytes // 4) * 4)
    lines = [f"the stack went from {sp:#x} down to {lowest:#x}", *log_lines(booted, seen)]
    return Touch(what, lines, went_through=True)


def log_lines(booted: Booted, seen: int) -> list[str]:
    """What plugins logged since event number ``seen``, one line each."""
    events: Sequence[Event] = booted.machine.trace.events[seen:]
    return [line_of(booted, event) for event in events if event.kind == "log"]


def line_of(booted: Booted, event: Event) -> str:
    """One log event; a chain of callers with the functions' names."""
    fields = dict(event.fields)
    name = fields.pop("event")
    fields.pop("plugin", None)
    if name == "console":
        return f"screen: {fields['text']}"
    words = [f"{key}={value_text(booted, value)}" for key, value in fields.items()]
    return f"log: {name} {' '.join(words)}"


def value_text(booted: Booted, value: object) -> str:
    """A number in hexadecimal, a list of code addresses by name, the rest as it is."""
    if isinstance(value, list):
        names = {at: symbol for symbol, at in booted.machine.cpu.symbols.items()}
        shown = [names.get(item, f"{item:#x}") for item in value[:MOST_CALLERS]]
        more = [f"… {len(value)} in all"] if len(value) > MOST_CALLERS else []
        return f"[{', '.join([*shown, *more])}]"
    return f"{value:#x}" if isinstance(value, int) else str(value)
