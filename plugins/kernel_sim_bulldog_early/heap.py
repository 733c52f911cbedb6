"""Kernel heap: one range on frames of the list, filled through the direct map (BO-13).

Each page gets a frame that was cleared where the direct map shows it, before the heap's own address
leads to it. Then all of it is one hole. What happens in the holes is the same as in the later
version, and depends on nothing but the requests: the same requests give the same addresses.
"""

from typing import TYPE_CHECKING

from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.needs import Needs
from kernel_sim_bulldog.heap import heap_stats, kfree, kmalloc, make_heap, selftest
from kernel_sim_bulldog_early.layout import DATA

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

__all__ = ["heap_stats", "kfree", "kmalloc", "selftest"]

needs = Needs(maps_pages=True)


@hookimpl
def heap_init(kernel: "Kernel", start: int, max_end: int) -> None:
    """Clear and map every page of the heap, and make all of it one hole."""
    make_heap(kernel, start, max_end, DATA, clear=True)
