"""Physical frames: the policy behind the ``FrameAllocator`` interface (MS-12, MS-16, MS-17).

Who needs frames for tables or regions does not call these hooks but asks `manager.frame_allocator`
for a guard, which holds the lock (MS-18).
"""

from typing import TYPE_CHECKING

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.errors import FrameError
from kernel_sim.hookspecs import hookimpl
from kernel_sim.values import AddrRange, FrameStats, MemoryRegion, SelfTestResult
from kernel_sim_cyrius.frame import BootInfoFrameAllocator, usable

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel


@hookimpl
def pmm_init(kernel: "Kernel", regions: list[MemoryRegion], reserved: list[AddrRange]) -> None:
    """Find the usable frames; a second call changes nothing."""
    if hasattr(kernel.state, "frames"):
        kernel.log("pmm_already_initialized")
        return
    kernel.state.frames = BootInfoFrameAllocator(kernel, usable(regions, reserved))
    kernel.log("frame_allocator", total=kernel.state.frames.total)


@hookimpl
def pmm_alloc_frame(kernel: "Kernel") -> int | None:
    """A frame, or None when all are in use."""
    frame = _frames(kernel).allocate()
    if frame is None:
        kernel.log("pmm_exhausted")
    return frame


@hookimpl
def pmm_alloc_contiguous(kernel: "Kernel", count: int, align: int) -> int | None:
    """``count`` frames in a row, at a multiple of 4096; None for wider alignment (MS-22)."""
    if count < 1 or align > PAGE_SIZE:
        return None
    return _frames(kernel).allocate_run(count)


@hookimpl
def pmm_free_frame(kernel: "Kernel", frame: int) -> None:
    """Take a frame back for the next request.

    Raises:
        FrameError: it is not in use.
    """
    _frames(kernel).deallocate(frame)


@hookimpl
def pmm_stats(kernel: "Kernel") -> FrameStats:
    """Counts; there is no bitmap: 0 bytes."""
    frames = _frames(kernel)
    first = frames.ranges[0].start if frames.ranges else 0
    used = frames.total - frames.free
    return FrameStats(frames.total, used, frames.free, 0, 0, "lsb", 1, first)


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """A freed frame comes back first, and the counts agree (MS-17)."""
    before = pmm_stats(kernel)
    frame = kernel.hooks.pmm_alloc_frame()
    again = None
    if frame is not None:
        kernel.hooks.pmm_free_frame(frame)
        again = kernel.hooks.pmm_alloc_frame()
        kernel.hooks.pmm_free_frame(frame)
    passed = frame is not None and again == frame and pmm_stats(kernel) == before
    return SelfTestResult("pmm", passed, f"{before.free} of {before.total} frames free")


def _frames(kernel: "Kernel") -> BootInfoFrameAllocator:
    frames: BootInfoFrameAllocator | None = getattr(kernel.state, "frames", None)
    if frames is None:
        raise FrameError("no allocator", expected="pmm_init before any other call")
    return frames
