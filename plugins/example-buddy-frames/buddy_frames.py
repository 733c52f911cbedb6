"""A buddy allocator of frames: the role pmm, published apart from kernel-sim.

A block of 2**k frames begins at a multiple of its size. It is split in halves until one is as small
as what is asked for; a block that comes back is joined with its other half, its *buddy*, whose
number differs in the lowest bit. So adjacent frames stay to be had, which a bitmap with first fit
loses. The bitmaps are drawn in `buddy_levels`.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from buddy_levels import MAX_LEVEL, Levels, bytes_of

from kernel_sim import AddrRange, FrameError, FrameStats, MemoryRegion, RegionKind, hookimpl
from kernel_sim.errors import FrameErrorReason
from kernel_sim.values import SelfTestResult

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

FRAME = 4096


@dataclass(slots=True)
class Buddies:
    """What the allocator remembers beside its bitmaps; ranges are of frame numbers."""

    levels: Levels
    owned: list[range]
    total: int
    free: int


@hookimpl
def pmm_init(kernel: "Kernel", regions: list[MemoryRegion], reserved: list[AddrRange]) -> None:
    """Build the bitmaps; only frames wholly available, and none of ``reserved``, are free."""
    if hasattr(kernel.state, "buddies"):
        return
    usable = available(regions, kernel.config.physical_limit)
    taken = [range(r.start // FRAME, -(-r.end // FRAME)) for r in reserved if r]
    frame_count = usable[-1].stop if usable else 0
    size = bytes_of(frame_count)
    free = without(usable, [range(1), *taken])
    base = place(kernel.config.bitmap_area, size, free)
    owned = without(free, [range(base // FRAME, -(-(base + size) // FRAME))])
    levels = Levels(kernel, base, frame_count)
    for frames in owned:
        levels.mark(frames.start, len(frames), used=False)
        give_range(levels, frames)
    total, count = (sum(map(len, ranges)) for ranges in (usable, owned))
    kernel.state.buddies = Buddies(levels, owned, total, count)


@hookimpl
def pmm_alloc_frame(kernel: "Kernel") -> int | None:
    """A frame from the smallest block that is free, or None."""
    return pmm_alloc_contiguous(kernel, 1, FRAME)


@hookimpl
def pmm_alloc_contiguous(kernel: "Kernel", count: int, align: int) -> int | None:
    """The first of ``count`` adjacent frames at a multiple of ``align`` bytes, or None."""
    buddies: Buddies = kernel.state.buddies
    if count < 1 or align < 1 or align & (align - 1):
        return None
    level = (max(count, align // FRAME) - 1).bit_length()
    block = buddies.levels.take_first(level) if level <= MAX_LEVEL else None
    if block is None:
        return None
    first = block << level
    give_range(buddies.levels, range(first + count, first + (1 << level)))
    buddies.levels.mark(first, count, used=True)
    buddies.free -= count
    return first * FRAME


@hookimpl
def pmm_free_frame(kernel: "Kernel", frame: int) -> None:
    """Take a frame back after every reason not to has been ruled out."""
    buddies: Buddies = kernel.state.buddies
    number = frame // FRAME
    if frame % FRAME:
        raise FrameError(frame, "a multiple of 0x1000", FrameErrorReason.MISALIGNED)
    if not 0 <= number < buddies.levels.frame_count:
        raise FrameError(frame, "a frame of this machine", FrameErrorReason.OUT_OF_RANGE)
    if not any(number in frames for frames in buddies.owned):
        raise FrameError(frame, "a frame that was handed out", FrameErrorReason.RESERVED)
    if not buddies.levels.is_used(number):
        raise FrameError(frame, "a frame in use", FrameErrorReason.DOUBLE_FREE)
    buddies.levels.mark(number, 1, used=False)
    buddies.levels.give(number, 0)
    buddies.free += 1


@hookimpl
def pmm_stats(kernel: "Kernel") -> FrameStats:
    """The counters, and where the bitmap of frames in use lies."""
    buddies: Buddies = kernel.state.buddies
    levels, used = buddies.levels, buddies.total - buddies.free
    size = (levels.frame_count + 7) // 8
    return FrameStats(buddies.total, used, buddies.free, levels.used_base, size, "lsb", 1, 0)


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """Eight adjacent frames, given back one by one in any order, are one block again."""
    buddies: Buddies = kernel.state.buddies
    before = list(buddies.levels.free_blocks)
    first = pmm_alloc_contiguous(kernel, 8, 8 * FRAME)
    if first is None:
        return SelfTestResult("buddy_frames", False, "no eight adjacent frames")
    for number in (5, 0, 7, 2, 1, 6, 4, 3):
        pmm_free_frame(kernel, first + number * FRAME)
    after = buddies.levels.free_blocks
    return SelfTestResult("buddy_frames", before == after, f"free blocks by level: {after}")


def available(regions: list[MemoryRegion], limit: int) -> list[range]:
    """The frames wholly available and below ``limit`` bytes; regions that touch count as one."""
    joined: list[AddrRange] = []
    for region in regions:
        if region.kind is RegionKind.AVAILABLE:
            if joined and joined[-1].end == region.base:
                joined[-1] = AddrRange(joined[-1].start, region.end)
            else:
                joined.append(AddrRange(region.base, region.end))
    frames = [range(-(-r.start // FRAME), min(r.end, limit) // FRAME) for r in joined]
    return [r for r in frames if r]


def without(ranges: list[range], taken: list[range]) -> list[range]:
    """What remains of ascending, disjoint ``ranges``."""
    remaining = []
    for whole in ranges:
        edges = [whole.start]
        for gone in sorted(taken, key=lambda r: r.start):
            if gone.stop > edges[-1] and gone.start < whole.stop:
                edges += [max(gone.start, edges[-1]), gone.stop]
        edges.append(max(whole.stop, edges[-1]))
        remaining += [range(a, b) for a, b in list(pairwise(edges))[::2] if a < b]
    return remaining


def place(area: AddrRange | None, size: int, free: list[range]) -> int:
    """Where ``size`` bytes of bitmaps go: the area set aside, or the first frames with room."""
    if area is not None and size <= area.length:
        return area.start
    for frames in free:
        if size <= len(frames) * FRAME:
            return frames.start * FRAME
    raise FrameError(size, "that many bytes of adjacent available memory for the bitmaps")


def give_range(levels: Levels, frames: range) -> None:
    """Make a range of frames free, in the largest aligned blocks it holds."""
    at = frames.start
    while at < frames.stop:
        level = min(MAX_LEVEL, (at & -at).bit_length() - 1 if at else MAX_LEVEL)
        while 1 << level > frames.stop - at:
            level -= 1
        levels.give(at >> level, level)
        at += 1 << level
