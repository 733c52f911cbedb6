"""Ranges of frames: which frames memory regions hold whole, and what is left when some are taken.

::

    bytes      |   .......|..........|......    |
    frames     |    4     |    5     |    6     |
    inward                |    5     |               frames wholly inside: what may be used
    outward    |    4     |    5     |    6     |    frames touched at all: what must be avoided
"""

from collections.abc import Iterable
from typing import NamedTuple

from kernel_sim.addr import PAGE_SIZE, align_up
from kernel_sim.values import AddrRange, MemoryRegion, RegionKind


class FrameRange(NamedTuple):
    """The frames numbered ``first`` up to, not including, ``end``."""

    first: int
    end: int

    @property
    def frame_count(self) -> int:
        """Frames in the range; negative and zero mean none."""
        return self.end - self.first


def rounded_inward(start: int, end: int) -> FrameRange:
    """The frames that lie wholly within the bytes ``[start, end)``; may be empty."""
    return FrameRange(align_up(start, PAGE_SIZE) // PAGE_SIZE, end // PAGE_SIZE)


def rounded_outward(bytes_range: AddrRange) -> FrameRange:
    """The frames that a byte of ``bytes_range`` lies in."""
    if not bytes_range:
        return FrameRange(0, 0)
    end = align_up(bytes_range.end, PAGE_SIZE) // PAGE_SIZE
    return FrameRange(bytes_range.start // PAGE_SIZE, end)


def available_frames(regions: Iterable[MemoryRegion], limit: int) -> list[FrameRange]:
    """The frames wholly available and below the byte address ``limit``, in ascending order (KV-12).

    ``regions`` are sorted and disjoint. Available ones that touch count as one before rounding:
    together they may hold a frame that neither holds alone.
    """
    joined: list[AddrRange] = []
    for region in regions:
        if region.kind is not RegionKind.AVAILABLE:
            continue
        if joined and joined[-1].end == region.base:
            joined[-1] = AddrRange(joined[-1].start, region.end)
        else:
            joined.append(region.range)
    frames = (rounded_inward(r.start, min(r.end, limit)) for r in joined)
    return [f for f in frames if f.frame_count > 0]


def touched_frames(regions: Iterable[MemoryRegion], limit: int) -> list[FrameRange]:
    """The frames that available bytes below ``limit`` touch: the wrong way to round (KV-U2)."""
    cut = (
        AddrRange(region.base, min(region.end, limit))
        for region in regions
        if region.kind is RegionKind.AVAILABLE and region.base < limit
    )
    return [rounded_outward(piece) for piece in cut]


def without(ranges: Iterable[FrameRange], taken: Iterable[FrameRange]) -> list[FrameRange]:
    """What remains of the ascending, disjoint ``ranges``; the ``taken`` ones may overlap."""
    remaining = list(ranges)
    for gone in taken:
        pieces = (
            piece
            for whole in remaining
            for piece in (
                FrameRange(whole.first, min(whole.end, gone.first)),
                FrameRange(max(whole.first, gone.end), whole.end),
            )
        )
        remaining = [p for p in pieces if p.frame_count > 0] if gone.frame_count > 0 else remaining
    return remaining
