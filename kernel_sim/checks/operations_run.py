"""Running a sequence of hook calls under the eyes of an oracle, in batches.

The oracle holds a model. It is told of every turn with its outcome, in order, and may look into RAM
when a batch is over; a small batch finds the turn that spoilt RAM, a large one is quick.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, Protocol

from kernel_sim.checks.bench import Operation, Outcome, Ref, Run, Scenario
from kernel_sim.checks.operations import Case, FlatCase, Place, flat
from kernel_sim.checks.region_rules import Violation

BATCH: Final = 256


@dataclass(frozen=True, slots=True)
class Breach(Violation):
    """A rule that a call broke, with what was expected and what came, each in a few words."""

    expected: str = ""
    got: str = ""


class Turn(NamedTuple):
    """One hook call that was made: where in the case, the arguments' values, the outcome."""

    step: int
    number: int
    hook: str
    args: tuple[object, ...]
    outcome: Outcome


class Scene(Protocol):
    """The state of what a lab is about at one moment, to be drawn."""

    def text(self) -> str:
        """The picture in text."""

    def svg(self, title: str) -> str:
        """The same as an SVG document; empty where there is nothing to draw."""


class Oracle(Protocol):
    """Judges one boot of one case. A new one is made for each boot."""

    def begin(self, run: Run) -> Violation | None:
        """Look at the machine after its boot, which went well."""

    def judge(self, turn: Turn) -> Violation | None:
        """Compare one outcome with the model, and bring the model up to date."""

    def look(self, run: Run) -> Violation | None:
        """Compare RAM with the model; also called behind the last turn."""

    def boot_failed(self, outcome: Outcome) -> Violation:
        """The rule that a boot broke which did not come as far as the case wants."""

    def scene(self, run: Run) -> Scene:
        """The present state, to be drawn."""


OracleMaker = Callable[[Place], Oracle]


class Boots(Protocol):
    """A bench, or a subject."""

    def boot(self, scenario: Scenario, /) -> Run:
        """A new machine."""


@dataclass(slots=True)
class Observation:
    """What came of a case.

    Args:
        case: what was done.
        oracle: in the state after the last turn.
        run: the machine afterwards.
        turns: the calls that were made; after a violation no further ones.
        violation: the first rule that was broken.
        at: the turn that broke it; None if the boot did.
        scenes: before and after that turn, where asked for.
        slow: whether a call used up its budget, be it behind the violation in the same batch.
    """

    case: Case
    oracle: Oracle
    run: Run
    turns: list[Turn] = field(default_factory=list)
    violation: Violation | None = None
    at: Turn | None = None
    scenes: list[Scene] = field(default_factory=list)
    slow: bool = False

    @property
    def cut(self) -> Case:
        """The case without what comes behind the violation."""
        if self.at is None:
            return Case(self.case.place) if self.violation else self.case
        return self.case.until(self.at.step, self.at.number)


def run_case(
    bench: Boots,
    case: Case,
    make_oracle: OracleMaker,
    *,
    batch: int = BATCH,
    together: Container[str] = (),
) -> Observation:
    """Boot, make the calls, and judge them up to the first violation.

    Args:
        bench: where to boot.
        case: the calls.
        make_oracle: makes the judge for the case's place.
        batch: so many calls cross at once; behind each batch the oracle looks into RAM.
        together: hooks that are not under test; the turns of such a step cross at once.
    """
    seen = Observation(case, make_oracle(case.place), bench.boot(case.place.scenario()))
    if seen.run.booted.failure is not None:
        seen.violation = seen.oracle.boot_failed(seen.run.booted)
        return seen
    seen.violation = seen.oracle.begin(seen.run)
    todo = flat(case)
    outcomes: list[Outcome] = []
    for part in _batches(todo, batch, together):
        if seen.violation is not None:
            return seen
        _run_batch(seen, todo.operations[part], todo.origins[part], outcomes)
    return seen


def _batches(todo: FlatCase, batch: int, together: Container[str]) -> Iterator[slice]:
    """Where each batch begins and ends."""
    start, count = 0, len(todo.operations)
    while start < count:
        end = min(start + batch, count)
        step, _ = todo.origins[end - 1]
        if todo.operations[end - 1].hook in together:
            while end < count and todo.origins[end][0] == step:
                end += 1
        yield slice(start, end)
        start = end


def film_case(bench: Boots, case: Case, make_oracle: OracleMaker) -> Observation:
    """As `run_case`, call by call, with the scenes before and after the turn that went wrong."""
    seen = Observation(case, make_oracle(case.place), bench.boot(case.place.scenario()))
    if seen.run.booted.failure is not None:
        seen.violation = seen.oracle.boot_failed(seen.run.booted)
        return seen
    seen.violation = seen.oracle.begin(seen.run)
    todo = flat(case)
    outcomes: list[Outcome] = []
    seen.scenes = [seen.oracle.scene(seen.run)]
    for number, operation in enumerate(todo.operations):
        if seen.violation is not None:
            break
        if number == len(todo.operations) - 1:
            seen.scenes = [seen.oracle.scene(seen.run)]
        _run_batch(seen, [operation], [todo.origins[number]], outcomes)
    seen.scenes.append(seen.oracle.scene(seen.run))
    return seen


def _run_batch(
    seen: Observation,
    operations: Sequence[Operation],
    origins: Sequence[tuple[int, int]],
    outcomes: list[Outcome],
) -> None:
    """Make some of the calls, tell the oracle, and let it look; ``outcomes`` grow."""
    base = len(outcomes)
    asked: list[Operation] = []
    position: dict[int, int] = {}
    for index, operation in enumerate(operations, start=base):
        settled = _settled(operation, base, outcomes, position)
        if settled is not None:
            position[index] = len(asked)
            asked.append(settled)
    got = seen.run.batch(asked)
    last = got[-1].failure if got else None
    seen.slow = seen.slow or (last is not None and last.kind == "budget")
    for offset, operation in enumerate(operations):
        place = position.get(base + offset)
        outcomes.append(Outcome() if place is None else got[place])
        args = None if place is None else _values(operation, outcomes)
        if args is None:
            continue
        outcome = outcomes[-1]
        turn = Turn(*origins[offset], operation.hook, args, outcome)
        seen.turns.append(turn)
        seen.violation = seen.oracle.judge(turn)
        if seen.violation is not None:
            seen.at = turn
            return
    seen.violation = seen.oracle.look(seen.run)
    if seen.violation is not None:
        seen.at = seen.turns[-1] if seen.turns else None


def _settled(
    operation: Operation, base: int, outcomes: Sequence[Outcome], position: Mapping[int, int]
) -> Operation | None:
    """The operation as its batch needs it; None if it refers to a call that gave no value.

    Results of earlier batches, of which ``base`` is the end, are filled in; references within the
    batch are counted as ``position`` says.
    """
    if Ref not in map(type, operation.args):
        return operation
    args: list[object] = []
    for value in operation.args:
        if not isinstance(value, Ref):
            args.append(value)
        elif value.index >= base:
            if value.index not in position:
                return None
            args.append(replace(value, index=position[value.index]))
        else:
            meant = _meant(value, outcomes)
            if meant is None:
                return None
            args.append(meant)
    return Operation(operation.hook, tuple(args))


def _values(operation: Operation, outcomes: Sequence[Outcome]) -> tuple[object, ...] | None:
    """The arguments as they were passed; None if one refers to no value: the call was not made."""
    if Ref not in map(type, operation.args):
        return operation.args
    args: list[object] = []
    for value in operation.args:
        if isinstance(value, Ref):
            meant = _meant(value, outcomes)
            if meant is None:
                return None
            args.append(meant)
        else:
            args.append(value)
    return tuple(args)


def _meant(value: Ref, outcomes: Sequence[Outcome]) -> object:
    """What a reference stands for; None where the call failed, or there is no value."""
    earlier = outcomes[value.index]
    if earlier.failure is not None or earlier.value is None:
        return None
    meant: object = value.of(earlier.value)
    return meant
