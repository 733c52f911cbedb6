"""Which frames the memory map speaks of, which may be used, and which the bitmap can track.

::

    regions      |  usable  |res|      hole      |   usable   |   ...
    discovered   |##############|                |############|      whole frames of any region
    usable        |########|                       |##########|      rounded inward, not reserved
    tracked      0x100000 .............................. 0x40100000  what the bitmap covers (BD-21)

A frame below or above the tracked range is not handed out, since nothing could record it (C8).
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from kernel_sim.addr import PAGE_SIZE, align_up
from kernel_sim.values import AddrRange, MemoryRegion, RegionKind
from kernel_sim_bulldog.layout import FRAME_BITMAP_BYTES

BITMAP_BASE: Final = 0x10_0000
"""The physical address of the frame that bit 0 stands for; hard-coded (BD-21)."""
TRACKED_FRAMES: Final = FRAME_BITMAP_BYTES * 8


class FrameRange(NamedTuple):
    """The frames numbered ``first`` up to, not including, ``end``."""

    first: int
    end: int

    @property
    def frame_count(self) -> int:
        """Frames in the range; zero and less mean none."""
        return self.end - self.first


TRACKED: Final = FrameRange(BITMAP_BASE // PAGE_SIZE, BITMAP_BASE // PAGE_SIZE + TRACKED_FRAMES)


def discovered(regions: Iterable[MemoryRegion]) -> list[FrameRange]:
    """The whole frames that ``regions``, sorted and disjoint, describe, of whatever kind (C9)."""
    return _whole_frames(item.range for item in regions)


def usable(regions: Iterable[MemoryRegion], reserved: Iterable[AddrRange]) -> list[FrameRange]:
    """The frames wholly in usable memory that no byte of ``reserved`` touches, in order."""
    free = _whole_frames(item.range for item in regions if item.kind is RegionKind.AVAILABLE)
    for gone in reserved:
        taken = FrameRange(gone.start // PAGE_SIZE, align_up(gone.end, PAGE_SIZE) // PAGE_SIZE)
        free = [piece for item in free for piece in _without(item, taken)]
    return free


def from_64_kib(regions: Iterable[MemoryRegion]) -> list[FrameRange]:
    """The described frames from 64 KiB on, whatever they hold: what the code took (BD-U2)."""
    return [piece for item in discovered(regions) for piece in _without(item, FrameRange(0, 16))]


def tracked(ranges: Iterable[FrameRange]) -> list[FrameRange]:
    """The part of ``ranges`` that the bitmap covers."""
    cut = (FrameRange(max(r.first, TRACKED.first), min(r.end, TRACKED.end)) for r in ranges)
    return [item for item in cut if item.frame_count > 0]


def count(ranges: Iterable[FrameRange]) -> int:
    """How many frames there are in ``ranges``."""
    return sum(item.frame_count for item in ranges)


def _whole_frames(ranges: Iterable[AddrRange]) -> list[FrameRange]:
    """The frames wholly inside the sorted, disjoint ``ranges``; those that touch count as one."""
    joined: list[AddrRange] = []
    for item in ranges:
        if joined and joined[-1].end == item.start:
            joined[-1] = AddrRange(joined[-1].start, item.end)
        else:
            joined.append(item)
    frames = (
        FrameRange(align_up(item.start, PAGE_SIZE) // PAGE_SIZE, item.end // PAGE_SIZE)
        for item in joined
    )
    return [item for item in frames if item.frame_count > 0]


def _without(whole: FrameRange, taken: FrameRange) -> list[FrameRange]:
    pieces = (
        FrameRange(whole.first, min(whole.end, taken.first)),
        FrameRange(max(whole.first, taken.end), whole.end),
    )
    return [piece for piece in pieces if piece.frame_count > 0]
