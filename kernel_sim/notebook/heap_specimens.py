"""Two heaps for Lab 4, to be booted and looked at: one that wastes, one that believes.

::

    PagePerBlock   |block..........................|block..........................|   a page each
    Trusting       |size|next| payload |size|next| payload |   links beside the bytes of others
"""

from typing import TYPE_CHECKING, Final

from kernel_sim.addr import PAGE_SIZE, align_up
from kernel_sim.hookspecs import hookimpl
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import HeapStats

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

RIGHTS: Final = PageTableFlags.PRESENT | PageTableFlags.WRITABLE
HEADER: Final = 8
"""Bytes in front of a block of `Trusting`: its size, and the next free block, 4 bytes each."""


def _map_page(kernel: "Kernel", page: int) -> bool:
    frame = kernel.hooks.pmm_alloc_frame()
    if frame is None:
        return False
    kernel.hooks.map_page(kernel.root, page, frame, RIGHTS)
    return True


class PagePerBlock:
    """Every block begins at a page of its own; nothing is taken back."""

    @hookimpl
    def heap_init(self, kernel: "Kernel", start: int, max_end: int) -> None:
        """Remember the window."""
        kernel.state.next, kernel.state.end, kernel.state.blocks = start, max_end, 0

    @hookimpl
    def kmalloc(self, kernel: "Kernel", size: int, align: int) -> int | None:
        """As many fresh pages as the size needs. Every alignment up to a page holds by itself."""
        start: int = align_up(kernel.state.next, max(align, PAGE_SIZE))
        end = align_up(start + max(size, 1), PAGE_SIZE)
        if end > kernel.state.end:
            return None
        if not all(_map_page(kernel, page) for page in range(start, end, PAGE_SIZE)):
            return None
        kernel.state.next = end
        kernel.state.blocks += 1
        return start

    @hookimpl
    def kfree(self, kernel: "Kernel", ptr: int | None) -> None:
        """One block less; its page stays."""
        kernel.state.blocks -= ptr is not None

    @hookimpl
    def heap_stats(self, kernel: "Kernel") -> HeapStats:
        """What is behind the last page counts as free."""
        state = kernel.state
        return HeapStats(state.blocks * PAGE_SIZE, state.end - state.next, state.blocks)


class Trusting:
    """One page, a list of free blocks through their headers, first fit. Nothing is checked."""

    @hookimpl
    def heap_init(self, kernel: "Kernel", start: int, max_end: int) -> None:  # noqa: ARG002 - the hook's signature
        """Map one page, which is one free block."""
        _map_page(kernel, start)
        kernel.cpu.store(start, 4, PAGE_SIZE)
        kernel.cpu.store(start + 4, 4, 0)
        kernel.state.first, kernel.state.blocks = start, 0

    @hookimpl
    def kmalloc(self, kernel: "Kernel", size: int, align: int) -> int | None:  # noqa: ARG002 - as above
        """The front of the first free block that is large enough."""
        cpu, need = kernel.cpu, HEADER + align_up(max(size, 1), HEADER)
        before, block = 0, kernel.state.first
        while block:
            room, following = cpu.load(block, 4), cpu.load(block + 4, 4)
            if room >= need + HEADER:
                rest = block + need
                cpu.store(rest, 4, room - need)
                cpu.store(rest + 4, 4, following)
                self._link(kernel, before, rest)
                cpu.store(block, 4, need)
                kernel.state.blocks += 1
                return int(block + HEADER)
            before, block = block, following
        return None

    @hookimpl
    def kfree(self, kernel: "Kernel", ptr: int | None) -> None:
        """Put the block in front of the list, whatever it is."""
        if ptr is None:
            return
        kernel.cpu.store(ptr - HEADER + 4, 4, kernel.state.first)
        kernel.state.first = ptr - HEADER
        kernel.state.blocks -= 1

    @hookimpl
    def heap_stats(self, kernel: "Kernel") -> HeapStats:
        """The blocks; bytes are not counted."""
        return HeapStats(0, PAGE_SIZE, kernel.state.blocks)

    def _link(self, kernel: "Kernel", before: int, block: int) -> None:
        if before:
            kernel.cpu.store(before + 4, 4, block)
        else:
            kernel.state.first = block
