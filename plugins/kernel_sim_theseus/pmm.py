"""Physical frames: a cursor for bring-up, then a bitmap (TH-15 to TH-22).

::

    pmm                     BootFrameAllocator            <- pmm_alloc_frame
    heap                    the permanent heap is mapped with its last frames
    persistent_allocator    bitmap, consumed log drained  <- pmm_alloc_frame, pmm_free_frame

The step ``persistent_allocator`` is the boot plugin's; this plugin goes round it with a wrapper and
changes over when it is done.
"""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Final

from kernel_sim.errors import FrameError, FrameErrorReason
from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.needs import Needs
from kernel_sim.host.quirks import has_quirk
from kernel_sim.host.reservation import usable_frames
from kernel_sim.values import AddrRange, FrameStats, MemoryRegion, SelfTestResult
from kernel_sim_theseus import layout
from kernel_sim_theseus.boot_frame_allocator import BootFrameAllocator
from kernel_sim_theseus.consumed import ConsumedLog
from kernel_sim_theseus.handoff import read_handoff
from kernel_sim_theseus.physical_memory import PhysicalMemory

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

CHANGES_OVER: Final = "persistent_allocator"

needs = Needs(mode="long mode", steps=(CHANGES_OVER,))


@hookimpl
def pmm_init(kernel: "Kernel", regions: list[MemoryRegion], reserved: list[AddrRange]) -> None:
    """Set the cursor at the first conventional frame; a second call changes nothing."""
    if hasattr(kernel.state, "boot"):
        kernel.log("pmm_already_initialized")
        return
    kernel.state.boot = BootFrameAllocator.from_handoff(kernel, regions, reserved)
    kernel.state.total = usable_frames(regions, kernel.config.physical_limit)
    kernel.state.memory = None
    kernel.log("boot_frame_allocator", free=kernel.state.boot.free)


@hookimpl(wrapper=True)
def boot_step(kernel: "Kernel", step: str) -> Generator[None, object, object]:
    """After ``persistent_allocator``, hand over to the bitmap."""
    result = yield
    if step == CHANGES_OVER:
        state = _initialized(kernel)
        _record_given(kernel, state.boot.log)
        state.memory = PhysicalMemory.init_from_handoff(kernel, state.boot, state.total)
        kernel.log("physical_memory", free=state.memory.free)
    return result


@hookimpl
def pmm_alloc_frame(kernel: "Kernel") -> int | None:
    """The next frame of whichever allocator is in charge, or None."""
    state = _initialized(kernel)
    memory: PhysicalMemory | None = state.memory
    frame: int | None = state.boot.allocate_frame() if memory is None else memory.alloc_frame()
    if frame is None:
        kernel.log("pmm_exhausted", at_boot=memory is None)
    return frame


@hookimpl
def pmm_free_frame(kernel: "Kernel", frame: int) -> None:
    """Give a frame back; during bring-up there is nobody to take it.

    Raises:
        FrameError: bring-up is not over, or it is no frame in use.
    """
    memory: PhysicalMemory | None = _initialized(kernel).memory
    if memory is None:
        raise FrameError(frame, "the persistent allocator", FrameErrorReason.RESERVED)
    memory.free_frame(frame)


@hookimpl
def pmm_stats(kernel: "Kernel") -> FrameStats:
    """The counters of the allocator in charge; the cursor has no bitmap: 0 bytes."""
    state = _initialized(kernel)
    if state.memory is not None:
        stats: FrameStats = state.memory.stats()
        return stats
    total, free = state.total, state.boot.free
    return FrameStats(total, total - free, free, 0, 0, "lsb", 1, 0)


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """A frame is taken, comes back, and the counter agrees with the bits before and after."""
    memory: PhysicalMemory | None = _initialized(kernel).memory
    if memory is None:
        return SelfTestResult("pmm", passed=False, detail="still on the boot allocator")
    before = memory.free
    frame = memory.alloc_frame()
    if frame is not None:
        memory.free_frame(frame)
    counted = memory.bitmap.count_free()
    passed = frame is not None and before == memory.free == counted
    return SelfTestResult("pmm", passed, f"{counted} of {memory.total} frames free")


def _record_given(kernel: "Kernel", log: ConsumedLog) -> None:
    """Record what bring-up uses and no allocator gave: stacks and framebuffer (TH-20).

    A stack is adjacent in the image, so its first page tells where all of it lies.
    """
    by_virtual = has_quirk(kernel, "stacks_by_virtual_address")
    for name in (layout.KERNEL_STACK, *layout.IST_STACKS):
        stack = layout.stack(kernel, name)
        start = kernel.hooks.translate(kernel.root, stack.start).physical
        start = stack.start if by_virtual else start
        log.record(start, start + stack.length)
    handoff = read_handoff(kernel)
    log.record(handoff.framebuffer, handoff.framebuffer + handoff.framebuffer_size)


def _initialized(kernel: "Kernel") -> Any:  # noqa: ANN401 - the plugin's own namespace
    """The state of this boot.

    Raises:
        FrameError: ``pmm_init`` has not been called.
    """
    if not hasattr(kernel.state, "boot"):
        raise FrameError("no allocator", expected="pmm_init before any other call")
    return kernel.state
