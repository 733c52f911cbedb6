"""Kernel heap: a buddy system behind a lock, on memory that is mapped already (MS-7 to MS-11).

`heap_init` is ``init_heap``: once, and on a range that nobody else uses. All of the kernel's
requests come here; one that fails is answered with None, and who cannot go on without the block
calls `alloc_error`.

In the original language whoever frees a block names its size. Here nobody does, so the façade
remembers what each block was asked for: ``layouts``.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kernel_sim.addr import is_aligned, is_power_of_two
from kernel_sim.errors import (
    HeapError,
    HeapErrorReason,
    HeapInitError,
    HeapInitErrorReason,
    KernelError,
)
from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.needs import Needs
from kernel_sim.values import HeapStats, SelfTestResult
from kernel_sim_cyrius.buddy import LEAST_BYTES, BuddySystem, block_bytes
from kernel_sim_cyrius.spin import locked

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

needs = Needs(mode="long mode", steps=("heap_on_region",))


@dataclass(slots=True)
class LockedHeap:
    """The façade: the only global allocator of the kernel (MS-9)."""

    buddies: BuddySystem
    total_bytes: int
    layouts: dict[int, int] = field(default_factory=dict)
    """Block in use → its bytes."""
    freed: set[int] = field(default_factory=set)

    @property
    def used_bytes(self) -> int:
        """Bytes of the blocks in use, rounding included."""
        return sum(self.layouts.values())


@hookimpl
def heap_init(kernel: "Kernel", start: int, max_end: int) -> None:
    """Put the mapped, exclusive range on the lists; the range is judged first (MS-8).

    Raises:
        HeapInitError: the range is reversed or empty, or there is a heap.
    """
    if not 0 < start <= max_end:
        raise HeapInitError(max_end, f"an end above {start:#x}", HeapInitErrorReason.INVALID_RANGE)
    if max_end - start < LEAST_BYTES:
        raise HeapInitError(start, "room for a block", HeapInitErrorReason.EMPTY_RANGE)
    if hasattr(kernel.state, "heap"):
        raise HeapInitError(start, "one call", HeapInitErrorReason.ALREADY_INITIALIZED)
    buddies = BuddySystem(kernel)
    with locked(kernel, "HEAP_LOCK"):
        kernel.state.heap = LockedHeap(buddies, buddies.add_to_heap(start, max_end))
    kernel.log("init_heap", start=start, end=max_end)


@hookimpl
def kmalloc(kernel: "Kernel", size: int, align: int) -> int | None:
    """A block of at least ``size`` bytes at ``align``; None is the null pointer (MS-10)."""
    if size < 1 or not is_power_of_two(align):
        return None
    heap, taken = _heap(kernel), block_bytes(size, align)
    with locked(kernel, "HEAP_LOCK"):
        block = heap.buddies.take(taken)
    if block is None:
        kernel.log("heap_exhausted", size=size, align=align)
        return None
    heap.layouts[block] = taken
    heap.freed.discard(block)
    return block


@hookimpl
def kfree(kernel: "Kernel", ptr: int | None) -> None:
    """Give a block back; a wrong pointer changes nothing."""
    if ptr is None:
        return
    heap = _heap(kernel)
    if ptr not in heap.layouts:
        twice = ptr in heap.freed
        reason = HeapErrorReason.DOUBLE_FREE if twice else HeapErrorReason.FOREIGN_POINTER
        raise HeapError(ptr, "a block in use", reason)
    with locked(kernel, "HEAP_LOCK"):
        heap.buddies.give(ptr, heap.layouts.pop(ptr))
    heap.freed.add(ptr)


@hookimpl
def heap_stats(kernel: "Kernel") -> HeapStats:
    """Bytes in blocks in use and in free ones, rounding included, and the blocks in use."""
    heap = _heap(kernel)
    return HeapStats(heap.used_bytes, heap.total_bytes - heap.used_bytes, len(heap.layouts))


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """Blocks are aligned and keep their bytes; a second init is refused (MS-11)."""
    before = heap_stats(kernel)
    requests = ((100, 8), (64, 4096), (1, 1))
    blocks = [alloc_or_panic(kernel, size, align) for size, align in requests]
    for number, (block, (size, _)) in enumerate(zip(blocks, requests, strict=True)):
        kernel.cpu.fill(block, size, number + 1)
    kept = all(kernel.cpu.load(block, 1) == n + 1 for n, block in enumerate(blocks))
    aligned = all(is_aligned(b, align) for b, (_, align) in zip(blocks, requests, strict=True))
    for block in blocks:
        kfree(kernel, block)
    refused = False
    try:
        heap_init(kernel, blocks[0], blocks[0] + 0x1000)
    except HeapInitError as error:
        refused = error.reason == HeapInitErrorReason.ALREADY_INITIALIZED
    passed = kept and aligned and refused and heap_stats(kernel) == before
    return SelfTestResult("heap", passed, f"{before.free:#x} bytes free")


def alloc_or_panic(kernel: "Kernel", size: int, align: int) -> int:
    """A block, or the end (MS-10).

    Raises:
        KernelError: there is none: what the alloc-error handler says before it panics.
    """
    block = kmalloc(kernel, size, align)
    if block is None:
        raise KernelError(size, expected=f"memory for {size} bytes at {align:#x}")
    return block


def _heap(kernel: "Kernel") -> LockedHeap:
    heap: LockedHeap | None = getattr(kernel.state, "heap", None)
    if heap is None:
        raise HeapError("no heap", expected="heap_init before any other call")
    return heap
