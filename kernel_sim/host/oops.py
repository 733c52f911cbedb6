"""A kernel oops: what a person reads when a hook failed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from kernel_sim.errors import MachineStopped, show
from kernel_sim.values import Event

LAST_EVENTS: Final = 20
LINE_LIMIT: Final = 160


@dataclass(frozen=True, slots=True)
class Oops:
    """Why the kernel could not go on.

    Args:
        hook: the hook that ran, or the boot step if none did.
        role: the hook's role; empty for chain and broadcast hooks.
        plugin: the name of the plugin whose hook ran.
        message: one line.
        kind: ``'raised'``, ``'wrong_type'``, ``'budget'``, ``'stopped'`` or ``'missing'``.
        file: the plugin's file or notebook cell; empty where unknown.
        line: counted from 1; 0 where unknown.
        source_line: the line itself.
        events: the last 20 events of the trace, oldest first.
        error: the class of what was raised.
    """

    hook: str
    role: str
    plugin: str
    message: str
    kind: str
    file: str = ""
    line: int = 0
    source_line: str = ""
    events: tuple[Event, ...] = ()
    error: str = ""

    def __str__(self) -> str:
        lines = [f"kernel oops in {self.hook} ({self.plugin}): {self.message}"]
        if self.file:
            place = f"{self.file}, line {self.line}" if self.line else self.file
            lines.append(f"  {place}")
        if self.source_line:
            lines.append(f"    {self.source_line}")
        return "\n".join([*lines, *self.event_lines()])

    def event_lines(self) -> list[str]:
        """What the machine did before, a heading and a line for each event; empty if nothing."""
        if not self.events:
            return []
        lines = [f"    {format_event(event)}" for event in self.events]
        return [f"  the last {len(self.events)} events:", *lines]

    def at_step(self, step: str, role: str, plugin: str) -> "Oops":
        """The same report for a boot step in which no hook ran."""
        return replace(self, hook=step, role=role, plugin=plugin)

    def as_json(self) -> dict[str, Any]:
        """The oops as plain data."""
        data = asdict(self)
        data["events"] = [
            {"number": event.number, "kind": event.kind, **_plain(event.fields)}
            for event in self.events
        ]
        return data


class KernelOops(Exception):  # noqa: N818 - what a kernel calls it
    """A hook failed in a way that is no answer; ``oops`` is the report."""

    def __init__(self, oops: Oops) -> None:
        super().__init__(oops)
        self.oops = oops

    def __str__(self) -> str:
        return str(self.oops)

    def _render_traceback_(self) -> list[str]:
        """What IPython prints in the place of a traceback through our code."""
        return str(self.oops).splitlines()


class OopsUnwind(MachineStopped):
    """Carries an oops from an inner hook to the host, past any ``except Exception``."""

    def __init__(self, oops: Oops) -> None:
        super().__init__(oops.message)
        self.oops = oops


def describe_error(error: BaseException) -> str:
    """The type and the message of an error, in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def format_event(event: Event) -> str:
    """An event in one line of at most `LINE_LIMIT` characters, its integers in hexadecimal."""
    fields = " ".join(f"{name}={_short(value)}" for name, value in event.fields.items())
    line = f"#{event.number} {event.kind} {fields}"
    return line if len(line) <= LINE_LIMIT else line[: LINE_LIMIT - 1] + "…"


def _short(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "(" + ", ".join(f"{name}={_short(item)}" for name, item in value.items()) + ")"
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        shown = ", ".join(_short(item) for item in value[:4])
        return f"[{shown}, …]" if len(value) > 4 else f"[{shown}]"
    return show(value)


def _plain(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: plain_json(value) for name, value in fields.items()}


def plain_json(value: object) -> object:
    """``value`` as JSON can hold it; what is unknown to JSON becomes text."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(name): plain_json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_json(item) for item in value]
    return value.hex() if isinstance(value, bytes) else type(value).__name__
