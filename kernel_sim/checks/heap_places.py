"""Where Lab 4's sequences run: machines, and windows of different size and place."""

from random import Random
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.operations import Place
from kernel_sim.machine.firmware.placement import MIN_FRAMES

HEAP_START: Final = 0xC100_0000
HEAP_END: Final = 0xC200_0000
_LOW: Final = "24 0x0+0x9fc00:1 0x9fc00+0x400:2"


def _seed(rng: Random) -> int:
    return rng.randrange(1000)


def _window(start: int, length: int) -> tuple[tuple[str, object], ...]:
    return ("heap_start", start), ("heap_max_end", start + length)


def plain(rng: Random) -> Place:
    """The machine of 4 MiB with the profile's own window."""
    return Place("pc4", "heap", seed=_seed(rng))


def small(rng: Random) -> Place:
    """A window of 64 KiB."""
    return Place("pc4", "heap", _window(HEAP_START, 0x1_0000), _seed(rng))


def tiny(rng: Random) -> Place:
    """A window of 16 KiB."""
    return Place("pc4", "heap", _window(HEAP_START, 0x4000), _seed(rng))


def elsewhere(rng: Random) -> Place:
    """Another window, its start in the middle of a page, its end likewise."""
    start = HEAP_START + rng.randrange(16, 2000) * PAGE_SIZE + 16 * rng.randrange(1, 255)
    length = rng.randrange(12, 26) * PAGE_SIZE + 16 * rng.randrange(1, 255)
    return Place("pc4", "heap", _window(start, length), _seed(rng))


def over_two_tables(rng: Random) -> Place:
    """A window of 64 KiB round a boundary of 4 MiB, so that it needs two page tables."""
    start = HEAP_START + 0x40_0000 * rng.randrange(1, 4) - 0x8000
    return Place("pc4", "heap", _window(start, 0x1_0000), _seed(rng))


def scarce(rng: Random) -> Place:
    """A machine with hardly more frames than a kernel needs to boot."""
    frames = rng.randrange(MIN_FRAMES + 2, MIN_FRAMES + 26)
    machine = f"{_LOW} 0x100000+{frames * PAGE_SIZE:#x}:1"
    return Place(machine, "heap", seed=_seed(rng))


def another(rng: Random) -> Place:
    """A machine of 2 to 6 MiB with a hole in its memory."""
    first, second = (rng.randrange(120, 400) * PAGE_SIZE for _ in range(2))
    hole = rng.randrange(1, 200) * PAGE_SIZE
    where = 0x10_0000 + first + hole
    machine = f"{_LOW} 0x100000+{first:#x}:1 {where:#x}+{second:#x}:1"
    return Place(machine, "heap", seed=_seed(rng))
