"""The difference between two sweeps: what appeared, what went, what now leads elsewhere."""

from dataclasses import dataclass
from itertools import pairwise

from kernel_sim.inspection.mapped_range import MappedRange


@dataclass(frozen=True, slots=True)
class Change:
    """Addresses ``[start, end)`` were mapped as ``before`` and now as ``after``; None: not mapped.

    Both are cut to the addresses of the change.
    """

    start: int
    end: int
    before: MappedRange | None
    after: MappedRange | None


def diff(before: list[MappedRange], after: list[MappedRange]) -> list[Change]:
    """The changes from one sweep to a later one, in ascending order."""
    bounds = sorted({edge for item in (*before, *after) for edge in (item.start, item.end)})
    changes = []
    old, new = iter(before), iter(after)
    here, there = next(old, None), next(new, None)
    for start, end in pairwise(bounds):
        while here is not None and here.end <= start:
            here = next(old, None)
        while there is not None and there.end <= start:
            there = next(new, None)
        was, now = _cut(here, start, end), _cut(there, start, end)
        if was != now:
            changes.append(Change(start, end, was, now))
    return changes


def _cut(item: MappedRange | None, start: int, end: int) -> MappedRange | None:
    """The part of ``item`` in ``[start, end)``, which it covers as a whole or not at all."""
    if item is None or item.start >= end:
        return None
    return MappedRange(start, end, item.physical + start - item.start, item.flags, item.size)
