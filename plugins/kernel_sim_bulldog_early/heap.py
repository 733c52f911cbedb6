"""Kernel heap: one range on frames of the list, filled through the direct map (BO-13).

Each page gets a frame that was cleared where the direct map shows it, before the heap's own address
leads to it. Then all of it is one hole. What happens in the holes is the same as in the later
version, and depends on nothing but the requests: the same requests give the same addresses.
"""

from typing import TYPE_CHECKING

from kernel_sim.addr import PAGE_SIZE, is_aligned
from kernel_sim.errors import HeapInitError, HeapInitErrorReason
from kernel_sim.hookspecs import hookimpl
from kernel_sim.needs import Needs
from kernel_sim.values import AddrRange
from kernel_sim_bulldog.heap import Heap, heap_stats, kfree, kmalloc, selftest
from kernel_sim_bulldog.hole_list import HoleList
from kernel_sim_bulldog_early.layout import DATA

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

needs = Needs(maps_pages=True)

__all__ = ["heap_stats", "kfree", "kmalloc", "selftest"]


@hookimpl
def heap_init(kernel: "Kernel", start: int, max_end: int) -> None:
    """Clear and map every page of the heap, and make all of it one hole."""
    if not 0 <= start <= max_end or not is_aligned(start, PAGE_SIZE):
        raise HeapInitError(start, "a page below the end", HeapInitErrorReason.INVALID_RANGE)
    memory = AddrRange(start, max(start, max_end // PAGE_SIZE * PAGE_SIZE))
    if not memory:
        raise HeapInitError(start, "a page or more", HeapInitErrorReason.EMPTY_RANGE)
    if hasattr(kernel.state, "heap"):
        raise HeapInitError(start, "one call", HeapInitErrorReason.ALREADY_INITIALIZED)
    for page in range(memory.start, memory.end, PAGE_SIZE):
        frame = kernel.hooks.pmm_alloc_frame()
        if frame is None:
            raise HeapInitError(page, "a frame for every page of the heap")
        kernel.cpu.fill(kernel.hooks.phys_to_virt(frame), PAGE_SIZE, 0)
        kernel.hooks.map_page(kernel.root, page, frame, DATA)
    holes = HoleList(kernel)
    holes.add(memory.start, memory.length)
    kernel.state.heap = Heap(memory, holes)
    kernel.log("heap_init", start=memory.start, end=memory.end)
