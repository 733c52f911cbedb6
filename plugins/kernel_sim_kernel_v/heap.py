"""Kernel heap: a free list through the blocks, first fit, joined when freed (KV-27 to KV-34).

::

    heap       |#### used ####|.. free ..|## used ##|#### used ####|... free ...|
    kfree of the third                   |.. free ..|
    joined     |#### used ####|........ free .......|#### used ####|... free ...|

The arena is cut into blocks without gaps, and two free blocks never touch. A block's header is
drawn in `heap_block`, the cutting in `heap_space`; how the arena grows is told in `heap_arena`.
"""

from typing import TYPE_CHECKING

from kernel_sim.addr import align_up, is_aligned, is_power_of_two
from kernel_sim.errors import HeapError, HeapErrorReason, HeapInitError, HeapInitErrorReason
from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.needs import Needs
from kernel_sim.values import HeapStats, SelfTestResult
from kernel_sim_kernel_v.free_list import FreeList
from kernel_sim_kernel_v.heap_arena import Arena
from kernel_sim_kernel_v.heap_block import FREE, GRAIN, HEADER_BYTES, USED, Block
from kernel_sim_kernel_v.heap_selftest import prove
from kernel_sim_kernel_v.heap_space import Fit, Heap, carve, first_fit, grown, make_free, placed

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel


needs = Needs(mode="32-bit mode")
"""A link of the free list has 4 bytes."""


@hookimpl
def heap_init(kernel: "Kernel", start: int, max_end: int) -> None:
    """Remember the range; memory is mapped when the first block asks for it."""
    if not 0 <= start <= max_end:
        raise HeapInitError(max_end, f"an end above {start:#x}", HeapInitErrorReason.INVALID_RANGE)
    arena = Arena.empty(kernel, start, max_end, GRAIN)
    if arena.max_end <= arena.start:
        raise HeapInitError(start, "room for a block", HeapInitErrorReason.EMPTY_RANGE)
    if hasattr(kernel.state, "heap"):
        raise HeapInitError(start, "one call", HeapInitErrorReason.ALREADY_INITIALIZED)
    kernel.state.heap = Heap(arena, FreeList(arena))
    kernel.log("heap_init", start=start, max_end=max_end)


@hookimpl
def kmalloc(kernel: "Kernel", size: int, align: int) -> int | None:
    """The payload of a block of ``size`` bytes, or None: no memory, no size, or no power of two."""
    return allocated(kernel, size, align, first_fit)


def allocated(kernel: "Kernel", size: int, align: int, fit: Fit) -> int | None:
    """What ``kmalloc`` returns if ``fit`` chooses the free block."""
    if size < 1 or not is_power_of_two(align):
        return None
    heap = _heap(kernel)
    need, align = HEADER_BYTES + align_up(size, GRAIN), max(align, GRAIN)
    block = fit(heap, need, align) or grown(heap, need, align)
    if block is None:
        kernel.log("heap_exhausted", size=size, align=align)
        return None
    at = placed(block.address, align)
    taken = carve(heap, block, at, need, size)
    heap.used_bytes += taken.size
    heap.block_count += 1
    return taken.payload


@hookimpl
def kfree(kernel: "Kernel", ptr: int | None) -> None:
    """Free a block and join it with its free neighbours; a wrong pointer changes nothing."""
    if ptr is None:
        return
    heap = _heap(kernel)
    block = _checked(heap, ptr)
    size, end, size_before = block.size, block.end, block.size_before
    heap.used_bytes -= size
    heap.block_count -= 1
    block.write_free(size, size_before)  # stays behind after joining: a second kfree finds it
    if end < heap.arena.end and heap.block(end).is_sealed(FREE):
        behind = heap.block(end)
        heap.free.remove(behind)
        end = behind.end
    if size_before and heap.block(block.address - size_before).is_sealed(FREE):
        block = heap.block(block.address - size_before)
        heap.free.remove(block)
    make_free(heap, block, end, block.size_before)
    heap.tell_next(end, block.size)


@hookimpl
def heap_stats(kernel: "Kernel") -> HeapStats:
    """Bytes in blocks in use and in free ones, headers included, and the blocks in use."""
    heap = _heap(kernel)
    return HeapStats(heap.used_bytes, heap.free.free_bytes, heap.block_count)


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """Three blocks keep their contents and their alignment, and leave nothing behind (KV-43)."""
    return prove(kernel, "heap")


def _heap(kernel: "Kernel") -> Heap:
    """The heap of this boot.

    Raises:
        HeapError: ``heap_init`` has not been called.
    """
    heap: Heap | None = getattr(kernel.state, "heap", None)
    if heap is None:
        raise HeapError("no heap", expected="heap_init before any other call")
    return heap


def _checked(heap: Heap, ptr: int) -> Block:
    """The block in use that ``ptr`` is the payload of, its neighbours intact.

    Raises:
        HeapError: freed already, not ours, or the headers around it were overwritten.
    """
    block = heap.block(ptr - HEADER_BYTES)
    if not heap.arena.holds(block.address) or not is_aligned(ptr, GRAIN):
        raise HeapError(ptr, "a pointer from kmalloc", HeapErrorReason.FOREIGN_POINTER)
    if block.is_sealed(FREE):
        raise HeapError(ptr, "a block in use", HeapErrorReason.DOUBLE_FREE)
    if not block.is_sealed(USED):
        raise HeapError(ptr, "a pointer from kmalloc", HeapErrorReason.FOREIGN_POINTER)
    before = heap.block(block.address - block.size_before)
    starts_arena = block.address == heap.arena.start
    if not starts_arena and (not heap.arena.holds(before.address) or not _touch(before, block)):
        raise HeapError(ptr, "the header in front of the block", HeapErrorReason.CORRUPTED)
    if block.end < heap.arena.end and not _touch(block, heap.block(block.end)):
        raise HeapError(ptr, "the header behind the block", HeapErrorReason.CORRUPTED)
    return block


def _touch(first: Block, second: Block) -> bool:
    """Whether both are sealed blocks, the second beginning where the first ends."""
    sealed = all(b.is_sealed(USED) or b.is_sealed(FREE) for b in (first, second))
    return sealed and first.end == second.address and second.size_before == first.size
