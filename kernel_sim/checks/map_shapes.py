"""Firmware maps made for one purpose each, with random numbers: what Lab 1's property checks boot.

Every shape has one peculiarity and is otherwise as tidy as `tidy`, so that a plugin that gets one thing wrong fails
where that thing is asked for, and only there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from kernel_sim.checks.firmware_map import FirmwareMap, Row

PAGE: Final = 0x1000
MIB: Final = 0x10_0000
FOUR_GIB: Final = 1 << 32
TOP: Final = 1 << 64
Rows = list[Row]


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of map.

    Args:
        name: part of the seed, so that each shape has numbers of its own.
        make: the map, from a source of random numbers.
        concepts: what it was made for, the most likely first.
    """

    name: str
    make: Callable[[Random], FirmwareMap]
    concepts: tuple[str, ...] = ()

    def map(self, seed: int, check: str) -> FirmwareMap:
        """The map for one seed and check."""
        return self.make(Random(f"{seed} {check} {self.name}"))


def low_rows(rng: Random) -> Rows:
    """The first MiB as PCs have it: memory, the firmware's own, and its ROM.

    The stack ends at 0x9FB00 and has room, so the firmware puts everything where it usually is.
    """
    end = rng.choice((0x9_FB00, 0x9_FC00, 0x9_FD80, 0x9_FE40))
    rom = rng.choice((0xE_0000, 0xE_8000, 0xF_0000))
    return [Row(0, end), Row(end, 0xA_0000 - end, 2), Row(rom, MIB - rom, 2)]


def tidy_rows(rng: Random) -> Rows:
    """A small PC below 4 GiB: sorted, disjoint, types 1 and 2. Memory ends at or below 28 MiB."""
    memory = rng.randrange(8 * MIB, 24 * MIB, PAGE)
    reserved = rng.randrange(1, 64) * PAGE
    rom = rng.choice((1, 2, 4, 8)) * 0x4_0000
    return [
        *low_rows(rng),
        Row(MIB, memory),
        Row(MIB + memory, reserved, 2),
        Row(FOUR_GIB - rom, rom, 2),
    ]


def tidy(rng: Random) -> FirmwareMap:
    """A map without any peculiarity."""
    return FirmwareMap(tuple(tidy_rows(rng)))


def short_entries(rng: Random) -> FirmwareMap:
    """The same, in entries of 20 bytes."""
    return FirmwareMap(tuple(tidy_rows(rng)), entry_size=20)


def elsewhere(rng: Random) -> FirmwareMap:
    """No memory below 1 MiB: the table lies at another address."""
    return FirmwareMap(tuple(tidy_rows(rng)[3:]))


def islands(rng: Random, types: Sequence[int]) -> Rows:
    """Rows of the given types above the memory of a tidy map, some adjacent, none overlapping."""
    base = 64 * MIB
    rows = []
    for number in types:
        length = rng.randrange(1, 64) * PAGE
        rows.append(Row(base, length, number))
        base += length + rng.choice((0, PAGE, 16 * PAGE))
    return rows


def with_types(types: Sequence[int]) -> Callable[[Random], FirmwareMap]:
    """A tidy map with an island of each type, in random order."""

    def make(rng: Random) -> FirmwareMap:
        rows = tidy_rows(rng)
        order = rng.sample(list(types), len(types))
        return FirmwareMap((*rows[:-1], *islands(rng, order), rows[-1]))

    return make


def with_random_types(rng: Random) -> FirmwareMap:
    """Types that no specification knows, some of which look like 1 in their low bits."""
    types = [rng.randrange(0x100, 1 << 32) for _ in range(3)]
    alike = [0x101, 0x1_0001, rng.randrange(2, 0xFFFF) << 16 | 1, rng.randrange(1, 256) << 8 | 1]
    return with_types([0, 6, 8, rng.randrange(13, 100), 1, *types, *alike])(rng)


# --- wide addresses -------------------------------------------------------------------------------


def above_4_gib(rng: Random) -> FirmwareMap:
    """Memory and a reserved range above 4 GiB."""
    base = FOUR_GIB * rng.randrange(1, 64) + rng.randrange(1 << 12, 1 << 16) * PAGE
    length = rng.randrange(16, 4096) * PAGE
    rows = [*tidy_rows(rng), Row(base, length), Row(base + length, 16 * PAGE, 2)]
    return FirmwareMap(tuple(rows))


def long_region(rng: Random) -> FirmwareMap:
    """A region longer than 4 GiB."""
    length = FOUR_GIB * rng.randrange(1, 16) + rng.randrange(1, 1 << 12) * PAGE
    return FirmwareMap((*tidy_rows(rng), Row(FOUR_GIB, length)))


def whole_multiples(rng: Random) -> FirmwareMap:
    """A length whose low 32 bits are all clear."""
    base = FOUR_GIB * rng.randrange(1, 8)
    return FirmwareMap((*tidy_rows(rng), Row(base, FOUR_GIB * rng.randrange(1, 4), 2)))


def crossing(rng: Random) -> FirmwareMap:
    """A region that begins below 4 GiB and ends above."""
    base = FOUR_GIB - rng.randrange(1, 64) * MIB
    length = FOUR_GIB - base + rng.randrange(1, 64) * MIB
    return FirmwareMap((*tidy_rows(rng)[:-1], Row(base, length)))


def far_away(rng: Random) -> FirmwareMap:
    """Regions around 2^40 and 2^51."""
    rows = [
        Row((1 << exponent) + rng.randrange(1, 1 << 12) * PAGE, rng.randrange(1, 64) * PAGE, kind)
        for exponent, kind in ((40, 1), (45, 2), (51, 1))
    ]
    return FirmwareMap((*tidy_rows(rng), *rows))


def wrapping(kind: int) -> Callable[[Random], FirmwareMap]:
    """An entry whose end lies beyond 2^64."""

    def make(rng: Random) -> FirmwareMap:
        below = rng.randrange(1, 16) * PAGE
        beyond = rng.randrange(1, 4096) * PAGE
        return FirmwareMap((*tidy_rows(rng), Row(TOP - below, below + beyond, kind)))

    return make


def wrapping_far(rng: Random) -> FirmwareMap:
    """An end so far beyond 2^64 that, taken modulo 2^64, it lies above the memory."""
    below = rng.randrange(1, 16) * PAGE
    return FirmwareMap((*tidy_rows(rng), Row(TOP - below, below + (1 << 36), 2)))


# --- order and overlap ----------------------------------------------------------------------------


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
    for gap in (1, PAGE, rng.randrange(1, 64) * PAGE, PAGE - 1):
        length = rng.randrange(1, 64) * PAGE
        rows.append(Row(base, length, rng.choice((1, 2))))
        rows.append(Row(base + length + gap, PAGE, rows[-1].type))
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


# --- many entries ---------------------------------------------------------------------------------


def many(least: int, most: int) -> Callable[[Random], FirmwareMap]:
    """Small available regions with gaps; the last entry reserves a part of the first memory."""

    def make(rng: Random) -> FirmwareMap:
        rows = tidy_rows(rng)
        count = rng.randrange(least, most) - len(rows)
        step = rng.choice((2, 4, 8)) * PAGE
        block = Row(256 * MIB, PAGE, 1, count=count, step=step)
        part = Row(MIB + rng.randrange(256, 1024) * PAGE, rng.randrange(1, 256) * PAGE, 2)
        return FirmwareMap((*rows[:-1], block, part))

    return make
