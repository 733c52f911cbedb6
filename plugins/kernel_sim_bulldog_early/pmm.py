"""Physical frames: usable regions go into a free-frame list (BO-10 to BO-12).

What is usable comes from the boot loader's map and from nowhere else. Its order does not matter:
the regions are put in from the highest to the lowest, so that the lowest is taken first (BO-16).
The list itself is `free_frame_list`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_sim.addr import PAGE_SIZE, is_aligned
from kernel_sim.errors import FrameError, FrameErrorReason
from kernel_sim.hookspecs import hookimpl
from kernel_sim.values import AddrRange, FrameStats, MemoryRegion, SelfTestResult
from kernel_sim_bulldog_early.free_frame_list import FreeFrameList
from kernel_sim_kernel_v.frame_ranges import (
    FrameRange,
    available_frames,
    rounded_outward,
    without,
)

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel


@dataclass(slots=True)
class FrameAllocator:
    """The list, and what it was made from: ``owned`` are the frames that it may ever hand out."""

    frames: FreeFrameList
    owned: list[FrameRange]
    total: int


@hookimpl
def pmm_init(kernel: "Kernel", regions: list[MemoryRegion], reserved: list[AddrRange]) -> None:
    """Insert every usable region, less what is reserved; a second call changes nothing."""
    if hasattr(kernel.state, "allocator"):
        kernel.log("pmm_already_initialized")
        return
    usable = available_frames(regions, kernel.config.physical_limit)
    owned = without(usable, map(rounded_outward, reserved))
    frames = FreeFrameList(kernel)
    for item in reversed(owned):
        frames.insert_region(item.first * PAGE_SIZE, item.frame_count)
    kernel.state.allocator = FrameAllocator(frames, owned, sum(r.frame_count for r in usable))
    kernel.log("free_frame_list", regions=len(owned), free=frames.free)


@hookimpl
def pmm_alloc_frame(kernel: "Kernel") -> int | None:
    """The frame at the head of the list, or None when the list is empty."""
    frame = _allocator(kernel).frames.take()
    if frame is None:
        kernel.log("pmm_exhausted")
    return frame


@hookimpl
def pmm_free_frame(kernel: "Kernel", frame: int) -> None:
    """Put ``frame`` at the head of the list.

    Raises:
        FrameError: it is no frame of the list's, or is free already; nothing changes.
    """
    allocator = _allocator(kernel)
    number = frame // PAGE_SIZE
    if not is_aligned(frame, PAGE_SIZE):
        raise FrameError(frame, "a multiple of 0x1000", FrameErrorReason.MISALIGNED)
    if not 0 <= number < max((item.end for item in allocator.owned), default=0):
        raise FrameError(frame, "a frame of this machine", FrameErrorReason.OUT_OF_RANGE)
    if not any(item.first <= number < item.end for item in allocator.owned):
        raise FrameError(frame, "a frame of a usable region", FrameErrorReason.RESERVED)
    if allocator.frames.holds(frame):
        raise FrameError(frame, "a frame in use", FrameErrorReason.DOUBLE_FREE)
    allocator.frames.give(frame)


@hookimpl
def pmm_stats(kernel: "Kernel") -> FrameStats:
    """The counters. There is no bitmap: 0 bytes."""
    allocator = _allocator(kernel)
    free = allocator.frames.free
    return FrameStats(allocator.total, allocator.total - free, free, 0, 0, "lsb", 1, 0)


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """A frame that comes back is the next to go; the list in memory is as long as the counter."""
    frames = _allocator(kernel).frames
    frame = frames.take()
    if frame is None:
        return SelfTestResult("pmm", passed=False, detail="no free frame")
    frames.give(frame)
    again = frames.take()
    frames.give(frame)
    runs = list(frames.runs())
    counted = sum(run.length for run in runs)
    passed = frame == again and counted == frames.free
    return SelfTestResult("pmm", passed, f"{counted} frames free in {len(runs)} runs")


def _allocator(kernel: "Kernel") -> FrameAllocator:
    """The allocator of this boot.

    Raises:
        FrameError: ``pmm_init`` has not been called.
    """
    allocator: FrameAllocator | None = getattr(kernel.state, "allocator", None)
    if allocator is None:
        raise FrameError("no list", expected="pmm_init before any other call")
    return allocator
