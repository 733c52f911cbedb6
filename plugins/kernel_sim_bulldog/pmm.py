"""Physical frames: two allocators, one before the heap and one after (BD-12 to BD-24, C7).

::

    init_temp          pre-heap array of 512 frames             <- pmm_alloc_frame
    frame_allocator    + bitmap: what may not be used is marked
    init_heap          the heap is mapped with pre-heap frames
                       + vector of all frames, on that heap
                       what the array gave away is marked       <- pmm_alloc_frame from now on

`pmm_init` is ``init_temp()``. The other two steps are the boot plugin's; this plugin goes round
them with a wrapper, to do its own part when they are done. Whichever of the two comes last makes
the switch, so that the order of another version of Bulldog, heap first, works as well.
"""

from collections.abc import Generator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

from kernel_sim.errors import FrameError
from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.needs import Needs
from kernel_sim.values import AddrRange, FrameStats, MemoryRegion, SelfTestResult
from kernel_sim_bulldog.boot_info_frame_allocator import BootInfoFrameAllocator
from kernel_sim_bulldog.discovery import BITMAP_BASE
from kernel_sim_bulldog.future import not_yet
from kernel_sim_bulldog.layout import physical_of_static, static

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

CREATES_ALLOCATOR: Final = "frame_allocator"
CREATES_HEAP: Final = "init_heap"


needs = Needs(mode="long mode", steps=(CREATES_ALLOCATOR, CREATES_HEAP))


@hookimpl
def pmm_init(kernel: "Kernel", regions: list[MemoryRegion], reserved: list[AddrRange]) -> None:
    """``init_temp()``: fill the pre-heap array; a second call changes nothing."""
    if hasattr(kernel.state, "pre_heap"):
        kernel.log("pmm_already_initialized")
        return
    kernel.state.reserved = list(reserved)
    kernel.state.pre_heap = BootInfoFrameAllocator.init_temp(kernel, regions, reserved)
    kernel.state.full = None
    kernel.state.has_heap = False
    kernel.state.switched = False
    kernel.log("init_temp", frame_count=kernel.state.pre_heap.frame_count)


@hookimpl(wrapper=True)
def boot_step(kernel: "Kernel", step: str) -> Generator[None, object, object]:
    """After its two steps, this plugin's part of them; then, when both are done, the switch."""
    result = yield
    if step in {CREATES_ALLOCATOR, CREATES_HEAP}:
        _initialized(kernel)
        if step == CREATES_ALLOCATOR:
            _create(kernel)
        else:
            kernel.state.has_heap = True
        if kernel.state.has_heap and kernel.state.full is not None:
            _switch(kernel)
    return result


@hookimpl
def pmm_alloc_frame(kernel: "Kernel") -> int | None:
    """The next frame of whichever allocator is in charge, or None when it has no more."""
    state = _initialized(kernel)
    in_charge = state.full if state.switched else state.pre_heap
    frame: int | None = in_charge.allocate_frame()
    if frame is None:
        kernel.log("pmm_exhausted", before_heap=not state.switched)
    return frame


@hookimpl
def pmm_free_frame(kernel: "Kernel", frame: int) -> None:  # noqa: ARG001 - the hook's signature
    """Refuse: Bulldog takes no frame back (BD-23).

    Raises:
        NotSupported: always; it names the lab that adds it.
    """
    raise not_yet("frame deallocation", frame)


@hookimpl
def pmm_stats(kernel: "Kernel") -> FrameStats:
    """The counters of the allocator in charge; the pre-heap array has no bitmap: 0 bytes."""
    state = _initialized(kernel)
    if state.switched:
        full: FrameStats = state.full.stats()
        return full
    pre_heap = state.pre_heap
    return FrameStats(
        total=pre_heap.frame_count,
        used=pre_heap.next_entry,
        free=pre_heap.frame_count - pre_heap.next_entry,
        bitmap_base=physical_of_static(kernel, static(kernel, "FRAME_BITMAP").start),
        bitmap_bytes=0,
        bit_order="lsb",
        used_bit=1,
        first_frame=BITMAP_BASE,
    )


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """A frame that is handed out had a clear bit and has it set; counters and bits agree.

    The frame stays taken: there is no way to give it back.
    """
    full: BootInfoFrameAllocator | None = _initialized(kernel).full
    if full is None or full.vector is None:
        return SelfTestResult("pmm", passed=False, detail="still on the pre-heap allocator")
    before = full.bitmap.count_clear()
    frame = kernel.hooks.pmm_alloc_frame()
    recorded = frame is None or full.bitmap.is_used(frame)
    counted = full.bitmap.count_clear()
    agreed = counted == full.free == before - (frame is not None)
    detail = f"{counted} of {full.total} frames free"
    return SelfTestResult("pmm", passed=recorded and agreed, detail=detail)


def _initialized(kernel: "Kernel") -> SimpleNamespace:
    """The state of this boot.

    Raises:
        FrameError: ``pmm_init`` has not been called.
    """
    if not hasattr(kernel.state, "pre_heap"):
        raise FrameError("no allocator", expected="pmm_init before any other call")
    return kernel.state


def _create(kernel: "Kernel") -> None:
    """Create the full allocator: a bitmap in which only usable frames are clear."""
    full = BootInfoFrameAllocator.created(kernel)
    full.mark_used_frames(kernel.regions, kernel.state.reserved)
    kernel.state.full = full
    kernel.log("frame_allocator", total=full.total, free=full.free)


def _switch(kernel: "Kernel") -> None:
    """Give the full allocator its vector and put it in charge (BD-15).

    First the vector: the heap may ask for frames while it makes room, and gets pre-heap ones.
    """
    state = kernel.state
    state.full.fill(kernel.regions)
    state.full.mark_handed_out(state.pre_heap.handed_out())
    state.switched = True
    kernel.log("frame_allocator_switched", free=state.full.free)
