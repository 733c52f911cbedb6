"""Shrinking a failing sequence: fewer steps, then fewer turns, then simpler arguments and places.

Costs are counted in hook calls, not in time: the same failure gives the same smallest case on every
machine, and a slow plugin is not tried for ever.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

from kernel_sim.checks.operations import Call, Case, Of, Place
from kernel_sim.checks.shrink import Attempts, fewest, simplest

ATTEMPTS: Final = 200
MOST_CALLS: Final = 30_000

Simpler = Callable[[Call], Iterable[Call]]
"""Calls that are simpler than the one given, the simplest first."""


class CountedAttempts(Attempts):
    """Tries, each of which costs as many hook calls as its case makes."""

    def __init__(self, limit: int, calls: int) -> None:
        super().__init__(limit)
        self.calls = calls

    def spend(self, calls: int) -> None:
        """Count the calls of one try; when they are used up there are no more tries."""
        self.calls -= calls
        if self.calls <= 0:
            self.left = 0


def smallest_case(
    failing: Case,
    fails: Callable[[Case], bool],
    *,
    places: Iterable[Place] = (),
    simpler: Simpler | None = None,
    calls: int = MOST_CALLS,
) -> Case:
    """The smallest case found that still fails.

    Args:
        failing: a case that fails, cut off behind the turn that did.
        fails: whether a case fails in the same way.
        places: simpler places to try instead, the simplest first.
        simpler: simpler arguments of a call; offsets of symbols become simpler in any case.
        calls: how many hook calls all tries may make.
    """
    attempts = CountedAttempts(ATTEMPTS, calls)
    tried: dict[str, bool] = {repr(failing): True}

    def still_fails(case: Case) -> bool:
        key = repr(case)  # arguments may be lists
        if key not in tried:
            attempts.spend(case.turns() + 1)
            tried[key] = fails(case)
        return tried[key]

    steps = fewest(
        range(len(failing.calls)),
        lambda part: still_fails(failing.keeping(part)),
        attempts,
    )
    case = failing.keeping(steps)
    if case.calls and still_fails(Case(case.place)):
        return Case(case.place)
    for place in places:
        if attempts.take() and still_fails(replace(case, place=place)):
            case = replace(case, place=place)
            break
    small = simplest(case, lambda given: _simpler_cases(given, simpler), still_fails, attempts)
    return small.merged()


def _simpler_cases(case: Case, simpler: Simpler | None) -> Iterator[Case]:
    """Cases with one step less, or one step simpler."""
    for step in range(len(case.calls) - 1, -1, -1):
        if len(case.calls) > 1:
            yield case.keeping([other for other in range(len(case.calls)) if other != step])
    for step, call in enumerate(case.calls):
        for times in _fewer(call.times):
            yield case.with_call(step, replace(call, times=times))
        for other in _simpler_symbols(call):
            yield case.with_call(step, other)
        for other in simpler(call) if simpler is not None else ():
            yield case.with_call(step, other)


def _fewer(times: int) -> Iterator[int]:
    """Numbers of turns to try: one, two, then by bisection from below."""
    seen = {times}
    for count in (1, 2, times // 2, times - times // 4, times - times // 16, times - 1):
        if 0 < count < times and count not in seen:
            seen.add(count)
            yield count


def _simpler_symbols(call: Call) -> Iterator[Call]:
    """The first turn's result instead of another's, and a small offset instead of a large one."""
    for index, value in enumerate(call.args):
        if not isinstance(value, Of):
            continue
        if value.turn not in (0, None):
            yield _with_argument(call, index, replace(value, turn=0))
        for offset in (0, 1, 0x10, 0x1000):
            if offset < abs(value.offset):
                yield _with_argument(call, index, replace(value, offset=offset))


def _with_argument(call: Call, index: int, value: object) -> Call:
    return replace(call, args=(*call.args[:index], value, *call.args[index + 1 :]))
