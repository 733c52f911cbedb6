"""Shrinking: the smallest case that still fails, by delta debugging and by simpler values.

References: Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing Input (2002), for the
first part.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")
Case = TypeVar("Case")


class Attempts:
    """Counts tries, so that shrinking has an end however slow a plugin is."""

    def __init__(self, limit: int) -> None:
        self.left = limit

    def take(self) -> bool:
        """Whether one more try may be made."""
        self.left -= 1
        return self.left >= 0


def fewest(
    items: Sequence[T], fails: Callable[[Sequence[T]], bool], attempts: Attempts
) -> Sequence[T]:
    """A part of ``items`` that still fails and of which no single item can be left out.

    Args:
        items: a case that fails.
        fails: whether a part of it, in the same order, fails in the same way.
        attempts: how often ``fails`` may be asked.
    """
    size = max(len(items) // 2, 1)
    while True:
        start = 0
        reduced = False
        while start < len(items) and len(items) > 1:
            part = [*items[:start], *items[start + size :]]
            if part and attempts.take() and fails(part):
                items, reduced = part, True
            else:
                start += size
        if size == 1 and not reduced:
            return items
        if attempts.left <= 0:
            return items
        size = max(size // 2, 1)


def simplest(
    case: Case,
    simpler: Callable[[Case], Iterable[Case]],
    fails: Callable[[Case], bool],
    attempts: Attempts,
) -> Case:
    """``case`` made simpler, one step at a time, while it fails in the same way.

    Args:
        case: a case that fails.
        simpler: cases that are simpler than the one given, the simplest first.
        fails: whether a case fails in the same way.
        attempts: how often ``fails`` may be asked.
    """
    found = True
    while found:
        found = False
        for candidate in simpler(case):
            if not attempts.take():
                return case
            if fails(candidate):
                case, found = candidate, True
                break
    return case
