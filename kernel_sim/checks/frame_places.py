"""Small machines made for one purpose each: what Lab 2's property checks boot.

They have about a hundred frames, so that an allocator that searches bit by bit can be emptied; the
last frame's number is no multiple of eight, so that a bitmap ends in the middle of a byte.
"""

from random import Random
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.firmware_map import FirmwareMap, Row
from kernel_sim.checks.frame_layout import FrameLayout, layout_of
from kernel_sim.checks.operations import Place

MIB: Final = 0x10_0000
LOW: Final = (Row(0, 0x9_FC00, 1), Row(0x9_FC00, 0x400, 2), Row(0xF_0000, 0x1_0000, 2))
"""The first MiB as every PC has it."""
RESTRICTED: Final = (2, 3, 4, 5)


def layout_at(place: Place) -> FrameLayout:
    """What the kernel passes to ``pmm_init`` there."""
    return layout_of(place.spec())


def tidy(rng: Random) -> Place:
    """One region above 1 MiB."""
    return _place(rng, [*LOW, Row(MIB, _odd(rng, 67, 90) * PAGE_SIZE, 1)])


def roomy(rng: Random) -> Place:
    """One region above 1 MiB, larger than the hole below it: more usable frames than 256."""
    return _place(rng, [*LOW, Row(MIB, _odd(rng, 105, 135) * PAGE_SIZE, 1)])


def restricted(rng: Random) -> Place:
    """Whole frames of restricted memory of each kind between available regions."""
    rows, base = list(LOW), MIB
    for kind in rng.sample(RESTRICTED, len(RESTRICTED)):
        length, gap = rng.randrange(17, 24) * PAGE_SIZE, rng.randrange(1, 4) * PAGE_SIZE
        rows += [Row(base, length, 1), Row(base + length, gap, kind)]
        base += length + gap
    return _place(rng, [*rows, Row(base, _to_odd_end(rng, base) * PAGE_SIZE, 1)])


def ragged(rng: Random) -> Place:
    """Regions that begin and end in the middle of frames, with restricted memory between them."""
    rows, base = list(LOW), MIB + rng.randrange(0x10, 0x1000, 0x10)
    for kind in rng.sample(RESTRICTED, 2):
        length = rng.randrange(34, 40) * PAGE_SIZE + rng.randrange(0x10, 0x1000, 0x10)
        rows.append(Row(base, length, 1))
        gap = rng.randrange(1, 4) * PAGE_SIZE + rng.randrange(0x10, 0xFF0, 0x10)
        rows.append(Row(base + length, gap, kind))
        base += length + gap
    length = -base % (8 * PAGE_SIZE) + rng.choice((3, 5)) * PAGE_SIZE + rng.randrange(0x10, 0xFF0)
    return _place(rng, [*rows, Row(base, length, 1)])


def holes(rng: Random) -> Place:
    """Available regions with gaps between them that no entry describes."""
    rows, frame = list(LOW), MIB // PAGE_SIZE
    for count in (rng.randrange(30, 40), rng.randrange(40, 50)):
        rows.append(Row(frame * PAGE_SIZE, count * PAGE_SIZE, 1))
        frame += count + rng.randrange(2, 7)
    last = _to_odd_end(rng, frame * PAGE_SIZE)
    return _place(rng, [*rows, Row(frame * PAGE_SIZE, last * PAGE_SIZE, 1)])


def no_low_memory(rng: Random) -> Place:
    """Nothing below 1 MiB: kernel, stack and table lie above, and so has the bitmap to.

    The first region has room for the kernel's image, not for its stack: two reserved ranges.
    """
    base = MIB + (22 + rng.randrange(3, 9)) * PAGE_SIZE
    last = 8 * rng.randrange(6, 9) + _to_odd_end(rng, base)
    return _place(rng, [Row(MIB, 22 * PAGE_SIZE, 1), Row(base, last * PAGE_SIZE, 1)])


def small_piece_first(rng: Random) -> Place:
    """The lowest region has three frames, one of them taken, and the bitmap needs three."""
    high = 0x1000_0000 + rng.randrange(1, 40) * PAGE_SIZE
    rows = [
        Row(MIB, 3 * PAGE_SIZE, 1),
        Row(2 * MIB, 72 * PAGE_SIZE, 1),
        Row(high, 2 * PAGE_SIZE, 1),
    ]
    return _place(rng, rows)


def _to_odd_end(rng: Random, base: int) -> int:
    """Frames from ``base`` on to a number that is odd: the last byte of bits is not full."""
    return -(base // PAGE_SIZE) % 8 + rng.choice((3, 5, 11))


def _odd(rng: Random, least: int, most: int) -> int:
    """An odd number of frames."""
    return rng.randrange(least, most) | 1


def _place(rng: Random, rows: list[Row]) -> Place:
    return Place(str(FirmwareMap(tuple(rows))), seed=rng.randrange(1, 1 << 16))
