"""Sequences of hook calls as checks generate, run, shrink, print and store them.

::

    Case ── Place: machine, last boot step, settings, seed
      └──── calls: Call(hook, arguments, times), Call, ...
                                │
                                └ plain values, or a symbol that a later run fills in:
                                  Of(step, turn, offset)   an earlier result, or a field of it
                                  Ramp(start, step)        a number that grows from turn to turn

A call that is made several times is one step with as many turns, so that using up all memory is one
line of a counterexample. Steps are counted from 0 here, and from 1 where people read them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from kernel_sim.checks.bench import Operation, Ref, Scenario
from kernel_sim.checks.firmware_map import FirmwareMap
from kernel_sim.machine import MachineSpec, machine_spec

EACH: Final = None
"""As the turn of an `Of`: turn by turn the same as that of the call it stands in."""


@dataclass(frozen=True, slots=True)
class Of:
    """What turn ``turn`` of step ``step`` returned; `EACH` takes turn for turn.

    Of a record ``part`` names the field that is meant; ``offset`` is added to it.
    """

    step: int
    turn: int | None = 0
    offset: int = 0
    part: str = ""


@dataclass(frozen=True, slots=True)
class Ramp:
    """``start`` in the first turn, ``step`` more in each further one."""

    start: int
    step: int


@dataclass(frozen=True, slots=True)
class Call:
    """One step: ``hook`` called ``times`` times with ``args``, its parameters after ``kernel``."""

    hook: str
    args: tuple[object, ...] = ()
    times: int = 1

    def steps_used(self) -> set[int]:
        """The earlier steps whose results are among the arguments."""
        return {argument.step for argument in self.args if isinstance(argument, Of)}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sequence runs: a boot up to ``until``, then the calls.

    Args:
        machine: a machine's name, or a firmware map in the text form of `FirmwareMap`.
        until: the last boot step.
        config: settings that differ from the profile's, as pairs.
        seed: of the poison in RAM.
        profile: the kernel that boots.
        stores: whether the trace records stores once paging is on.
        pse: whether the firmware turns 4 MiB pages on, on a machine where it does not.
    """

    machine: str = "pc4"
    until: str = "pmm"
    config: tuple[tuple[str, object], ...] = ()
    seed: int = 0
    profile: str = "kernel-v"
    stores: bool = False
    pse: bool = False

    def spec(self) -> MachineSpec:
        """The machine.

        Raises:
            InputError: there is none of this name, or the map is wrong.
        """
        is_map = self.machine[:1].isdigit()
        spec = FirmwareMap.parse(self.machine).spec() if is_map else machine_spec(self.machine)
        return replace(spec, pse=True) if self.pse else spec

    def scenario(self) -> Scenario:
        """The same as a bench takes it.

        Raises:
            InputError: the machine is unknown.
        """
        return Scenario(
            self.spec(), self.profile, self.until, dict(self.config), self.seed, self.stores
        )


@dataclass(frozen=True, slots=True)
class Case:
    """One boot and the calls after it."""

    place: Place
    calls: tuple[Call, ...] = ()

    def keeping(self, steps: Iterable[int]) -> Self:
        """The case with these steps alone, in order; what needs one that is gone goes, too."""
        places: dict[int, int] = {}
        kept: list[Call] = []
        for step in steps:
            call = self.calls[step]
            if call.steps_used() <= places.keys():
                places[step] = len(kept)
                kept.append(_renumbered(call, places))
        return replace(self, calls=tuple(kept))

    def then(self, other: "Case") -> Self:
        """The case with the calls of another one behind its own."""
        moved = {step: step + len(self.calls) for step in range(len(other.calls))}
        return replace(self, calls=(*self.calls, *(_renumbered(c, moved) for c in other.calls)))

    def merged(self) -> Self:
        """The same calls in the same order, equal neighbours made one step of several turns."""
        calls: list[Call] = []
        places: dict[int, tuple[int, int]] = {}
        paired = {a.step for c in self.calls for a in c.args if isinstance(a, Of) if a.turn is EACH}
        for step, call in enumerate(self.calls):
            last = calls[-1] if calls and not {step - 1, step} & paired else None
            if last and not call.args and (last.hook, last.args) == (call.hook, ()):
                places[step] = len(calls) - 1, last.times
                calls[-1] = replace(last, times=last.times + call.times)
            else:
                places[step] = len(calls), 0
                calls.append(_moved(call, places, self.calls))
        return replace(self, calls=tuple(calls))

    def until(self, step: int, turn: int) -> Self:
        """The case cut off behind a turn of a step."""
        last = replace(self.calls[step], times=turn + 1)
        return replace(self, calls=(*self.calls[:step], last))

    def with_call(self, step: int, call: Call) -> Self:
        """The case with another call in the place of ``step``."""
        return replace(self, calls=(*self.calls[:step], call, *self.calls[step + 1 :]))

    def turns(self) -> int:
        """How many hook calls this makes."""
        return sum(call.times for call in self.calls)


@dataclass(frozen=True, slots=True)
class FlatCase:
    """A case as one list of bench operations, and which step and turn each of them is."""

    operations: tuple[Operation, ...]
    origins: tuple[tuple[int, int], ...]


_SYMBOLS: Final = frozenset({Of, Ramp})
"""What stands for a number that is known only when the call is made."""


def flat(case: Case) -> FlatCase:
    """The turns of all steps one after another, symbols made references."""
    starts: list[int] = []
    operations: list[Operation] = []
    origins: list[tuple[int, int]] = []
    for step, call in enumerate(case.calls):
        starts.append(len(operations))
        origins.extend((step, turn) for turn in range(call.times))
        if not _SYMBOLS.intersection(map(type, call.args)):
            operations.extend([Operation(call.hook, call.args)] * call.times)
            continue
        for turn in range(call.times):
            args = tuple(_argument(value, turn, case.calls, starts) for value in call.args)
            operations.append(Operation(call.hook, args))
    return FlatCase(tuple(operations), tuple(origins))


def _argument(value: object, turn: int, calls: Sequence[Call], starts: Sequence[int]) -> object:
    """The value of an argument in one turn; a turn that there is none of is the last one."""
    if isinstance(value, Ramp):
        return value.start + turn * value.step
    if not isinstance(value, Of):
        return value
    wanted = turn if value.turn is EACH else value.turn
    last = calls[value.step].times - 1
    place = last if wanted < 0 else min(wanted, last)
    return Ref(starts[value.step] + place, value.offset, value.part)


def _moved(call: Call, places: dict[int, tuple[int, int]], calls: Sequence[Call]) -> Call:
    """``call`` with symbols that name the step and turn where a result is after merging."""
    args: list[object] = []
    for value in call.args:
        if not isinstance(value, Of):
            args.append(value)
            continue
        step, first = places[value.step]
        last = calls[value.step].times - 1
        turn = value.turn
        if turn is not EACH:
            turn = first + (last if turn < 0 else min(turn, last))
        args.append(replace(value, step=step, turn=turn))
    return replace(call, args=tuple(args))


def _renumbered(call: Call, places: dict[int, int]) -> Call:
    args = tuple(
        replace(value, step=places[value.step]) if isinstance(value, Of) else value
        for value in call.args
    )
    return replace(call, args=args)


class Script:
    """Calls in the making; each `add` answers with the symbol of its result.

    ::

        script = Script()
        frame = script.add("pmm_alloc_frame")
        script.add("pmm_free_frame", frame)
    """

    def __init__(self) -> None:
        self._calls: list[Call] = []

    def add(self, hook: str, *args: object, times: int = 1) -> Of:
        """Append a call; the result is that of its first turn."""
        self._calls.append(Call(hook, args, times))
        return Of(len(self._calls) - 1)

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls)

    def at(self, place: Place) -> Case:
        """The case that makes these calls after a boot."""
        return Case(place, tuple(self._calls))
