"""Maps with addresses and lengths that need more than 32 bits, or more than 64."""

from collections.abc import Callable
from random import Random

from kernel_sim.checks.firmware_map import FirmwareMap, Row
from kernel_sim.checks.map_shapes import FOUR_GIB, MIB, PAGE, TOP, tidy_rows


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
