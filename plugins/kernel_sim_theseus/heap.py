"""The permanent heap: 1 MiB at `KERNEL_HEAP_BASE`, for everything that lives long (TH-4).

Before it there is the temporary heap, a piece of memory that the boot loader took and the kernel
sees at another address (TH-3). What is needed for longer moves here; the other is unmapped.

Each page gets a frame that was cleared through PHYS_OFFSET. What happens in the holes between
blocks is the same list in order of address as in Bulldog.
"""

from typing import TYPE_CHECKING

from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.needs import Needs
from kernel_sim_bulldog.heap import heap_stats, kfree, kmalloc, make_heap, selftest
from kernel_sim_theseus.layout import DATA

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

__all__ = ["heap_stats", "kfree", "kmalloc", "selftest"]

needs = Needs(maps_pages=True)


@hookimpl
def heap_init(kernel: "Kernel", start: int, max_end: int) -> None:
    """Clear and map every page of the heap, and make all of it one hole."""
    make_heap(kernel, start, max_end, DATA, clear=True)
