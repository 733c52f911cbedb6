"""Firmware maps made for one purpose each, with random numbers: what Lab 1's property checks boot.

Every shape has one peculiarity and is otherwise as tidy as `tidy`, so that a plugin that gets one
thing wrong fails where that thing is asked for, and only there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
