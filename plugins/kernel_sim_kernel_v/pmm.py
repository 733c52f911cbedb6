"""Physical frame allocator: a bitmap, first fit, with a hint where to look (KV-9 to KV-18).

All bits start as used. Only then are the frames of AVAILABLE memory cleared, so that a hole that no
entry describes is never handed out; and last the reserved ranges are set again::

    available      [0x500 ......................... 0x9fc00)
    frames           | 0 | 1 | 2 |    ...    | 9e | 9f |
    usable                 ^ from here  to here ^            rounded inward
    reserved             [0x1800 .. 0x2100)
    taken out              | 1 | 2 |                         rounded outward

The bitmap is filled at once (KV-13 also allows a lazy one: the first allocation would do it).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_sim.addr import PAGE_SIZE, is_aligned, is_power_of_two
from kernel_sim.errors import FrameError, FrameErrorReason
from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.quirks import has_quirk
from kernel_sim.values import AddrRange, FrameStats, MemoryRegion, SelfTestResult
from kernel_sim_kernel_v.coded_bitmap import bitmap_at, description
from kernel_sim_kernel_v.frame_bitmap import WORD_BITS, WORD_BYTES, FrameBitmap, bitmap_bytes
from kernel_sim_kernel_v.frame_ranges import (
    FrameRange,
    available_frames,
    rounded_outward,
    touched_frames,
    without,
)

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

ZERO_FRAME = FrameRange(0, 1)
"""Frame 0 is never handed out: its address could not be told from NULL (KV-16)."""


@dataclass(slots=True)
class FrameAllocator:
    """What the allocator remembers beside its bitmap.

    ``total`` counts the usable frames, of which ``first`` is the lowest; ``owned`` are the frames
    it may hand out and take back.
    ``hint`` is a 32-bit word of the bitmap: below it every bit is set.
    """

    bitmap: FrameBitmap
    owned: list[FrameRange]
    total: int
    free: int
    first: int
    hint: int = 0


@hookimpl
def pmm_init(kernel: "Kernel", regions: list[MemoryRegion], reserved: list[AddrRange]) -> None:
    """Build the bitmap; a second call changes nothing.

    Raises:
        FrameError: no stretch of available memory has room for the bitmap.
    """
    if hasattr(kernel.state, "allocator"):
        kernel.log("pmm_already_initialized")
        return
    counted = touched_frames if has_quirk(kernel, "outward_rounding") else available_frames
    usable = counted(regions, kernel.config.physical_limit)
    taken = [ZERO_FRAME, *map(rounded_outward, reserved)]
    frame_count = usable[-1].end if usable else 0
    base = _place_bitmap(kernel, bitmap_bytes(frame_count), without(usable, taken))
    bitmap = bitmap_at(base, frame_count, kernel)
    owned = without(usable, [*taken, rounded_outward(AddrRange(base, base + bitmap.size))])
    bitmap.set_all()
    for frames in owned:
        bitmap.mark_free(frames.first, frames.end)
    total, free = (sum(frames.frame_count for frames in ranges) for ranges in (usable, owned))
    first = usable[0].first if usable else 0
    kernel.state.allocator = FrameAllocator(bitmap, owned, total, free, first)
    kernel.log("pmm_init", total=total, free=free, bitmap=base, bitmap_bytes=bitmap.size)


@hookimpl
def pmm_alloc_frame(kernel: "Kernel") -> int | None:
    """The lowest free frame, or None when there is none."""
    allocator = _allocator(kernel)
    number = allocator.bitmap.take_first_free(allocator.hint)
    if number is not None and number >= allocator.total and has_quirk(kernel, "search_bound"):
        allocator.bitmap.mark_free(number, number + 1)
        number = None
    if number is None:
        allocator.hint = allocator.bitmap.size // WORD_BYTES
        kernel.log("pmm_exhausted")
        return None
    allocator.hint = number // WORD_BITS
    allocator.free -= 1
    return number * PAGE_SIZE


@hookimpl
def pmm_free_frame(kernel: "Kernel", frame: int) -> None:
    """Clear the frame's bit after every reason not to has been ruled out."""
    allocator = _allocator(kernel)
    if not has_quirk(kernel, "free_unchecked"):
        _assert_may_free(allocator, frame)
    number = frame // PAGE_SIZE
    allocator.bitmap.mark_free(number, number + 1)
    allocator.hint = min(allocator.hint, number // WORD_BITS)
    allocator.free += 1


@hookimpl
def pmm_alloc_contiguous(kernel: "Kernel", count: int, align: int) -> int | None:
    """The first of ``count`` adjacent frames at a multiple of ``align`` bytes, or None."""
    allocator = _allocator(kernel)
    if count < 1 or not is_power_of_two(align):
        return None
    first = allocator.bitmap.find_run(count, max(1, align // PAGE_SIZE))
    if first is None:
        kernel.log("pmm_no_run", count=count, align=align)
        return None
    allocator.bitmap.mark_used(first, first + count)
    allocator.free -= count
    return first * PAGE_SIZE


@hookimpl
def pmm_stats(kernel: "Kernel") -> FrameStats:
    """The counters, and how to read the bitmap."""
    allocator = _allocator(kernel)
    total, free = allocator.total, allocator.free
    return FrameStats(total, total - free, free, *description(allocator.bitmap, allocator.first))


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """Frames are distinct, a freed one comes back, the counters agree with the bits (KV-43)."""
    allocator = _allocator(kernel)
    before = allocator.free
    first, second = pmm_alloc_frame(kernel), pmm_alloc_frame(kernel)
    again = None
    if first is not None:
        pmm_free_frame(kernel, first)
        again = pmm_alloc_frame(kernel)
    for frame in (again, second):
        if frame is not None:
            pmm_free_frame(kernel, frame)
    counted = allocator.bitmap.count_free()
    reused = again is not None and first == again != second
    agreed = before == allocator.free == counted
    return SelfTestResult("pmm", reused and agreed, f"{counted} of {allocator.total} frames free")


def _allocator(kernel: "Kernel") -> FrameAllocator:
    """The allocator of this boot.

    Raises:
        FrameError: ``pmm_init`` has not been called.
    """
    allocator: FrameAllocator | None = getattr(kernel.state, "allocator", None)
    if allocator is None:
        raise FrameError("no bitmap", expected="pmm_init before any other call")
    return allocator


def _place_bitmap(kernel: "Kernel", size: int, owned: list[FrameRange]) -> int:
    """Where the bitmap goes: the area set aside for it, or the first frames that have room."""
    area: AddrRange | None = kernel.config.bitmap_area
    if area is not None and size <= area.length:
        return area.start
    for frames in owned:
        if size <= frames.frame_count * PAGE_SIZE:
            return frames.first * PAGE_SIZE
    raise FrameError(size, expected="that many bytes of adjacent available memory for the bitmap")


def _assert_may_free(allocator: FrameAllocator, frame: int) -> None:
    """Refuse a frame that the allocator never handed out, or has back already (KV-15).

    Raises:
        FrameError: with the first reason that applies.
    """
    number = frame // PAGE_SIZE
    if not is_aligned(frame, PAGE_SIZE):
        raise FrameError(frame, "a frame start, a multiple of 0x1000", FrameErrorReason.MISALIGNED)
    if not 0 <= number < allocator.bitmap.frame_count:
        raise FrameError(frame, "an address the bitmap covers", FrameErrorReason.OUT_OF_RANGE)
    if not any(owned.first <= number < owned.end for owned in allocator.owned):
        raise FrameError(frame, "a frame that may be handed out", FrameErrorReason.RESERVED)
    if not allocator.bitmap.is_used(number):
        raise FrameError(frame, "a frame in use", FrameErrorReason.DOUBLE_FREE)
