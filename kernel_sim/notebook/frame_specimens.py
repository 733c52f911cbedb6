"""A frame allocator with one known mistake, to be booted and looked at in Lab 2.

It keeps a list of free frames in the free frames themselves: the first word of each names the next.

::

    head ──▶ 0x10c000 ──▶ 0x107000 ──▶ 0           and behind those, memory nobody ever had
             │ next   │   │ next   │
"""

from typing import TYPE_CHECKING

from kernel_sim.addr import PAGE_SIZE, align_down, align_up
from kernel_sim.hookspecs import hookimpl
from kernel_sim.values import AddrRange, FrameStats, MemoryRegion, RegionKind

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel


class FreeList:
    """Hands out frames of the largest available region; believes whoever gives a frame back."""

    @hookimpl
    def pmm_init(
        self, kernel: "Kernel", regions: list[MemoryRegion], reserved: list[AddrRange]
    ) -> None:
        """Begin behind what is reserved, with an empty list."""
        free = (r.range for r in regions if r.kind is RegionKind.AVAILABLE)
        largest = max(free, key=lambda item: item.length)
        taken = [item.end for item in reserved if item.overlaps(largest)]
        kernel.state.next = align_up(max([largest.start, *taken]), PAGE_SIZE)
        kernel.state.end = align_down(min(largest.end, kernel.config.physical_limit), PAGE_SIZE)
        kernel.state.total = kernel.state.free = (kernel.state.end - kernel.state.next) // PAGE_SIZE
        kernel.state.head = 0

    @hookimpl
    def pmm_alloc_frame(self, kernel: "Kernel") -> int | None:
        """The frame that was given back last, or else a fresh one, or None."""
        state = kernel.state
        frame: int = state.head or state.next
        if frame == state.end:
            return None
        if state.head:
            state.head = kernel.cpu.load(kernel.hooks.phys_to_virt(frame), 4)
        else:
            state.next += PAGE_SIZE
        state.free -= 1
        return frame

    @hookimpl
    def pmm_free_frame(self, kernel: "Kernel", frame: int) -> None:
        """Put the frame in front of the list. Nothing is checked: that is the mistake."""
        kernel.cpu.store(kernel.hooks.phys_to_virt(frame), 4, kernel.state.head)
        kernel.state.head = frame
        kernel.state.free += 1

    @hookimpl
    def pmm_stats(self, kernel: "Kernel") -> FrameStats:
        """The counters; there is no bitmap."""
        state = kernel.state
        return FrameStats(
            total=state.total,
            used=state.total - state.free,
            free=state.free,
            bitmap_base=0,
            bitmap_bytes=0,
            bit_order="lsb",
            used_bit=1,
            first_frame=0,
        )
