"""Try one function on one example: what came back beside what should have, no traceback."""

import linecache
from collections.abc import Callable
from dataclasses import dataclass, replace
from traceback import extract_tb
from types import FunctionType, TracebackType
from typing import Final

from kernel_sim.host.oops import KernelOops, Oops
from kernel_sim.notebook.hexadecimal import in_hex
from kernel_sim.notebook.quiet import quiet_while_loading
from kernel_sim.notebook.showing import Shown
from kernel_sim.values import BootInfo

LINE: Final = 96
"""Characters of a value that are shown in one line."""
SHOWN_ITEMS: Final = 16


@dataclass(frozen=True, slots=True)
class Example:
    """One call and its verdict; ``lines`` is what is shown below the call."""

    call: str
    passed: bool
    lines: tuple[str, ...]


class Trial(Shown):
    """The outcome of `try_it`; true when the example came out right."""

    def __init__(self, example: Example) -> None:
        self.example = example

    def __bool__(self) -> bool:
        return self.example.passed

    def __repr__(self) -> str:
        return f"<{'right' if self.example.passed else 'not yet right'}: {self.example.call}>"

    def text(self) -> str:
        """The call, a mark and the lines below it."""
        mark = "✓" if self.example.passed else "✗"
        return "\n".join([f"{mark} {self.example.call}", *(f"    {x}" for x in self.example.lines)])


@quiet_while_loading
def try_it(function: Callable[..., object], *args: object, gives: object) -> Trial:
    """Call ``function(*args)`` and compare the result with ``gives``.

    A function that is not written yet, or that raises, is answered with one plain sentence and the
    line at fault. Objects of the machine among ``args`` are shown by name, numbers in hexadecimal.
    """
    trial = Trial(run_example(function, args, gives))
    trial.show()
    return trial


def run_example(
    function: Callable[..., object], args: tuple[object, ...], gives: object
) -> Example:
    """The verdict on one call."""
    name = getattr(function, "__name__", repr(function))
    call = call_text(name, args)
    try:
        got = function(*args)
    except NotImplementedError as error:
        return Example(call, passed=False, lines=(not_written_line(name, error),))
    except KernelOops as stop:
        return Example(call, passed=False, lines=hook_lines(name, stop.oops))
    except Exception as error:  # noqa: BLE001 - a student's function may raise anything
        return Example(call, passed=False, lines=raised_lines(error))
    if got == gives:
        return Example(call, passed=True, lines=tuple(value_lines("gives", got)))
    return Example(
        call, passed=False, lines=(*value_lines("gives", got), *value_lines("expected", gives))
    )


def value_lines(label: str, value: object) -> list[str]:
    """A value behind its label; a long list with one item to a line."""
    text = in_hex(value)
    if type(value) is not list or len(text) <= LINE:
        return [f"{label:<8} {text}"]
    items = [f"  {number}: {in_hex(item)}" for number, item in enumerate(value[:SHOWN_ITEMS])]
    more = len(value) - SHOWN_ITEMS
    return [
        f"{label} a list of {len(value)}",
        *items,
        *([f"  and {more} more"] if more > 0 else []),
    ]


def call_text(name: str, args: tuple[object, ...]) -> str:
    """The call with its arguments; of many long ones the first, and how many more there are."""
    shown = [argument_text(one) for one in args]
    if len(shown) > 1 and sum(map(len, shown)) > 2 * LINE:
        shown[1:] = [f"… and {len(shown) - 1} more"]
    return f"{name}({', '.join(shown)})"


def argument_text(value: object) -> str:
    """An argument as it is shown: the machine's objects and functions by name, long lists short."""
    if isinstance(value, BootInfo):
        return "boot_info"
    if type(value).__module__.startswith(("kernel_sim.machine", "kernel_sim.kernel")):
        return type(value).__name__.lower()
    if isinstance(value, FunctionType):
        return value.__name__
    text = in_hex(value)
    if len(text) <= LINE:
        return text
    if type(value) is list:
        return f"[{len(value)} of {type(value[0]).__name__}]"
    return f"{text[: LINE - 3]}..."


def raised_lines(error: Exception) -> tuple[str, ...]:
    """What was raised, and the last line of the caller's own code on the way there."""
    said = (
        f"raised {type(error).__name__}: {error}"
        if str(error)
        else f"raised {type(error).__name__}"
    )
    place = own_line(error.__traceback__)
    return (said, place) if place else (said,)


def hook_lines(name: str, oops: Oops) -> tuple[str, ...]:
    """Why a hook that ``name`` calls on a booted machine failed, without the trace."""
    if oops.error == "NotImplementedError":
        return (f"{name} needs {oops.hook}, and {oops.message}.",)
    return tuple(str(replace(oops, events=())).splitlines())


def not_written_line(name: str, error: NotImplementedError) -> str:
    """Which function is not written: ``name``, or one that it calls."""
    raising = extract_tb(error.__traceback__)[-1].name
    needs = "" if raising == name else f"{name} needs {raising}, and "
    return f"{needs}{raising} is not written yet."


def own_line(traceback: TracebackType | None) -> str:
    """``in line N of NAME: source``, of the innermost frame outside this package, or empty."""
    for frame in reversed(extract_tb(traceback)):
        if "kernel_sim" not in frame.filename.replace("\\", "/").split("/"):
            source = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
            return f"in line {frame.lineno} of {frame.name}: {source}"
    return ""
