"""Maps out of order, with overlaps, empty and switched-off entries, neighbours and gaps."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from kernel_sim.checks.firmware_map import FirmwareMap, Row
from kernel_sim.checks.map_shapes import MIB, PAGE, tidy_rows


def shuffled(rng: Random) -> FirmwareMap:
    """A tidy map in any order but the right one."""
    rows = tidy_rows(rng)
    order = rng.sample(rows, len(rows))
    return FirmwareMap(tuple(order if order != rows else rows[::-1]))


def covered(
    under: int, over: int, first: int, where: str = "inside"
) -> Callable[[Random], FirmwareMap]:
    """A region of type ``over`` on one of type ``under``.

    Args:
        under: the type of the lower, longer region.
        over: the type of the upper one.
        first: which of the two comes first in the table, ``under`` 0 or ``over`` 1.
        where: ``'inside'``, ``'start'``, ``'end'``, ``'same'`` or ``'beyond'``.
    """

    def make(rng: Random) -> FirmwareMap:
        base = 64 * MIB + rng.randrange(0, 4096) * PAGE
        length = rng.randrange(32, 512) * PAGE
        part = rng.randrange(1, 16) * PAGE
        top = Row(*_placed(where, base, length, part, rng), over)
        pair = [Row(base, length, under), top]
        rows = tidy_rows(rng)
        return FirmwareMap((*rows[:-1], *(pair[::-1] if first else pair), rows[-1]))

    return make


def _placed(where: str, base: int, length: int, part: int, rng: Random) -> tuple[int, int]:
    """Base and length of the upper region."""
    middle = base + rng.randrange(1, (length - part) // PAGE) * PAGE
    return {
        "inside": (middle, part),
        "start": (base, part),
        "end": (base + length - part, part),
        "same": (base, length),
        "beyond": (base + length - part, 3 * part),
        "before": (base - 2 * part, 3 * part),
    }[where]


def stacked(rng: Random) -> FirmwareMap:
    """Four regions over each other, in any order, with bytes instead of pages."""
    base = 64 * MIB + rng.randrange(1, PAGE)
    length = rng.randrange(64, 512) * PAGE + rng.randrange(1, PAGE)
    rows = [Row(base, length)]
    for kind in rng.sample((2, 3, 4, 4, 2), 3):
        start = base + rng.randrange(1, length // 2)
        rows.append(Row(start, rng.randrange(length // 4, length), kind))
    ground = tidy_rows(rng)
    return FirmwareMap((*ground[:-1], *rng.sample(rows, len(rows)), ground[-1]))


def with_empty(rng: Random) -> FirmwareMap:
    """Entries of length 0: between others, inside one, and at 0."""
    rows = tidy_rows(rng)
    hole = 64 * MIB + rng.randrange(1, 256) * PAGE
    inside = MIB + rng.randrange(1, 1024) * PAGE
    empty = [Row(hole, 0, 1), Row(inside, 0, 2), Row(0, 0, rng.choice((1, 2)))]
    for row in empty:
        rows.insert(rng.randrange(3, len(rows)), row)
    return FirmwareMap(tuple(sorted(rows, key=lambda row: row.base)))


def switched_off(rng: Random) -> FirmwareMap:
    """An entry that does not count over memory that does, and one where nothing is."""
    rows = tidy_rows(rng)
    off = [
        Row(MIB + 1024 * PAGE, rng.randrange(1, 256) * PAGE, 2, attributes=0),
        Row(64 * MIB, rng.randrange(1, 256) * PAGE, 1, attributes=0),
    ]
    return FirmwareMap((*rows[:4], off[0], rows[4], off[1], rows[5]))


def other_attributes(rng: Random) -> FirmwareMap:
    """Attributes in which other bits than bit 0 are set."""
    rows = tidy_rows(rng)
    bits = rng.randrange(1, 1 << 30) << 1
    more = [
        Row(64 * MIB, rng.randrange(1, 64) * PAGE, 2, attributes=3),
        Row(80 * MIB, rng.randrange(1, 64) * PAGE, 2, attributes=2),
        Row(96 * MIB, rng.randrange(1, 64) * PAGE, 1, attributes=bits | 1),
        Row(112 * MIB, rng.randrange(1, 64) * PAGE, 1, attributes=bits),
    ]
    return FirmwareMap((*rows[:-1], *more, rows[-1]))


def adjacent_kinds(rng: Random) -> FirmwareMap:
    """Neighbours without a gap, of equal and of different kinds."""
    base = 64 * MIB
    rows = []
    for kind in (1, 1, 2, 2, 1, 3, 4, 1):
        length = rng.randrange(1, 64) * PAGE
        rows.append(Row(base, length, kind))
        base += length
    ground = tidy_rows(rng)
    return FirmwareMap((*ground[:-1], *rows, ground[-1]))


def gaps(rng: Random) -> FirmwareMap:
    """Regions of one kind with gaps between them, one of a single byte."""
    base = 64 * MIB
    rows = []
    for kind, gap in ((1, 1), (2, PAGE), (1, rng.randrange(1, 64) * PAGE), (1, PAGE - 1)):
        length = rng.randrange(1, 64) * PAGE
        rows.append(Row(base, length, kind))
        rows.append(Row(base + length + gap, PAGE, kind))
        base += length + gap + PAGE + MIB
    ground = tidy_rows(rng)
    return FirmwareMap((*ground[:-1], *rows, ground[-1]))


def odd_edges(rng: Random) -> FirmwareMap:
    """Edges at any byte."""
    rows = tidy_rows(rng)
    base = 64 * MIB
    odd = []
    for kind in (1, 2, 1, 4):
        length = rng.randrange(1, 8 * PAGE) | 1
        odd.append(Row(base, length, kind))
        base += length + rng.choice((0, 0, rng.randrange(1, PAGE)))
    rows[3] = replace(rows[3], length=rows[3].length - rng.randrange(1, PAGE))
    return FirmwareMap((*rows[:-1], *odd, rows[-1]))
