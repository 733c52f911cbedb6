"""Kernel heap, best fit: of all free blocks that are large enough, the smallest is cut.

The blocks, the joining and the growing are those of the first-fit heap. The search looks at every
free block; for that, large blocks stay whole for large requests.
"""

from typing import TYPE_CHECKING

from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.needs import Needs
from kernel_sim.values import SelfTestResult
from kernel_sim_kernel_v.heap import allocated, heap_init, heap_stats, kfree
from kernel_sim_kernel_v.heap_block import Block
from kernel_sim_kernel_v.heap_selftest import prove
from kernel_sim_kernel_v.heap_space import Heap, placed

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

__all__ = ["heap_init", "heap_stats", "kfree", "kmalloc"]


needs = Needs(mode="32-bit mode")
"""A link of the free list has 4 bytes."""


@hookimpl
def kmalloc(kernel: "Kernel", size: int, align: int) -> int | None:
    """The payload of a block of ``size`` bytes, or None: no memory, no size, or no power of two."""
    return allocated(kernel, size, align, best_fit)


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """Blocks keep their contents and their alignment, and leave nothing behind (KV-43)."""
    return prove(kernel, "heap_best_fit")


def best_fit(heap: Heap, need: int, align: int) -> Block | None:
    """The smallest free block that can hold ``need`` bytes at ``align``, the lowest of equals."""
    best: tuple[int, int] | None = None
    for block in heap.free:
        end = block.end
        if placed(block.address, align) + need <= end:
            found = end - block.address, block.address
            best = found if best is None else min(best, found)
    return None if best is None else heap.block(best[1])
