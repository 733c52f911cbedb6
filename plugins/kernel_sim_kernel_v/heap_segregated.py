"""Kernel heap, segregated fit: best fit within the first class of sizes that has a block.

The bar to beat. Blocks are drawn in `compact_block`, the classes in `size_classes`. What it does
against waste:

- eight bytes of header, none of footer, for a block in use;
- the best of the first blocks that fit, and the lowest classes first;
- small requests from the low end of a block, large ones from the high end, so that short-lived
  small blocks do not cut up the room of large ones;
- growth by no more than what the free block at the end lacks.
"""

from typing import TYPE_CHECKING, Final

from kernel_sim.addr import align_up, is_aligned, is_power_of_two
from kernel_sim.errors import HeapError, HeapErrorReason, HeapInitError, HeapInitErrorReason
from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.needs import Needs
from kernel_sim.values import HeapStats, SelfTestResult
from kernel_sim_kernel_v.compact_block import (
    BEFORE_USED,
    GRAIN,
    HEADER_BYTES,
    SMALLEST_BLOCK,
    USED,
    CompactBlock,
)
from kernel_sim_kernel_v.heap_arena import Arena
from kernel_sim_kernel_v.heap_selftest import prove
from kernel_sim_kernel_v.segregated_space import Segregated, placed
from kernel_sim_kernel_v.size_classes import SizeClasses

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

LOOKED_AT: Final = 32
"""So many blocks that fit are compared."""


needs = Needs(mode="32-bit mode")
"""A link of the free list has 4 bytes."""


@hookimpl
def heap_init(kernel: "Kernel", start: int, max_end: int) -> None:
    """Remember the range; memory is mapped when the first block asks for it."""
    if not 0 <= start <= max_end:
        raise HeapInitError(max_end, f"an end above {start:#x}", HeapInitErrorReason.INVALID_RANGE)
    arena = Arena.empty(kernel, start, max_end, GRAIN)
    if arena.max_end - arena.start < SMALLEST_BLOCK:
        raise HeapInitError(start, "room for a block", HeapInitErrorReason.EMPTY_RANGE)
    if hasattr(kernel.state, "heap"):
        raise HeapInitError(start, "one call", HeapInitErrorReason.ALREADY_INITIALIZED)
    kernel.state.heap = Segregated(arena, SizeClasses(kernel))


@hookimpl
def kmalloc(kernel: "Kernel", size: int, align: int) -> int | None:
    """The payload of a block of ``size`` bytes, or None: no memory, no size, or no power of two."""
    if size < 1 or not is_power_of_two(align):
        return None
    heap: Segregated = kernel.state.heap
    need, align = max(HEADER_BYTES + align_up(size, GRAIN), SMALLEST_BLOCK), max(align, GRAIN)
    block = best_fit(heap, need, align) or grown(heap, need, align)
    if block is None:
        return None
    taken = carve(heap, block, need, align)
    heap.used_bytes += taken.size
    heap.block_count += 1
    return taken.address + HEADER_BYTES


@hookimpl
def kfree(kernel: "Kernel", ptr: int | None) -> None:
    """Free a block and join it with its free neighbours; a wrong pointer changes nothing."""
    if ptr is None:
        return
    heap: Segregated = kernel.state.heap
    block = checked(heap, ptr)
    start, end = block.address, block.end
    heap.used_bytes -= end - start
    heap.block_count -= 1
    is_before_used = block.is_before_used
    block.write(end - start, BEFORE_USED * is_before_used)  # stays behind: a second kfree finds it
    if end < heap.arena.end and not heap.block(end).is_used:
        end += heap.free.remove(heap.block(end))
    if not is_before_used:
        before = block.before
        heap.free.remove(before)
        start = before.address
    heap.put_free(start, end)


@hookimpl
def heap_stats(kernel: "Kernel") -> HeapStats:
    """Bytes in blocks in use and in free ones, headers included, and the blocks in use."""
    heap: Segregated = kernel.state.heap
    return HeapStats(heap.used_bytes, heap.free.free_bytes, heap.block_count)


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """Blocks keep their contents and their alignment, and leave nothing behind (KV-43)."""
    return prove(kernel, "heap_segregated")


def best_fit(heap: Segregated, need: int, align: int) -> CompactBlock | None:
    """The smallest of the first blocks that fit."""
    found: list[tuple[int, int]] = []
    for block in heap.free.of_at_least(need):
        size = block.size
        if placed(block.address, block.address + size, need, align) is not None:
            found.append((size, block.address))
            if len(found) == LOOKED_AT:
                break
    return heap.block(min(found)[1]) if found else None


def grown(heap: Segregated, need: int, align: int) -> CompactBlock | None:
    """The free block at the end of the arena, made large enough by growing; None: it can't grow."""
    arena = heap.arena
    old_end = start = arena.end
    last = None
    if not heap.is_end_used:
        last = heap.block(old_end).before
        start = last.address
    at = align_up(start + HEADER_BYTES, align) - HEADER_BYTES
    while at != start and at - start < SMALLEST_BLOCK:
        at += align
    if not arena.extend(at + need):
        return None
    if last is not None:
        heap.free.remove(last)
    heap.put_free(start, arena.end)
    return heap.block(start)


def carve(heap: Segregated, block: CompactBlock, need: int, align: int) -> CompactBlock:
    """Take ``need`` bytes out of a free block; what is left over becomes free blocks."""
    start, end = block.address, block.end
    at = placed(start, end, need, align)
    if at is None:
        raise HeapError(start, "room for the block that was chosen", HeapErrorReason.CORRUPTED)
    heap.free.remove(block)
    taken_end = at + need if end - (at + need) >= SMALLEST_BLOCK else end
    taken = heap.block(at)
    taken.write(taken_end - at, USED | BEFORE_USED)
    heap.tell_behind(end, used=True)
    if taken_end < end:
        heap.put_free(taken_end, end)
    if at > start:
        heap.put_free(start, at)
    return taken


def checked(heap: Segregated, ptr: int) -> CompactBlock:
    """The block in use that ``ptr`` is the payload of.

    Raises:
        HeapError: freed already, not ours, or its header was overwritten.
    """
    block = heap.block(ptr - HEADER_BYTES)
    if not heap.arena.holds(block.address) or not is_aligned(ptr, GRAIN) or not block.is_sealed:
        raise HeapError(ptr, "a pointer from kmalloc", HeapErrorReason.FOREIGN_POINTER)
    if not block.is_used:
        raise HeapError(ptr, "a block in use", HeapErrorReason.DOUBLE_FREE)
    if block.end < heap.arena.end and not heap.block(block.end).is_sealed:
        raise HeapError(ptr, "the header behind the block", HeapErrorReason.CORRUPTED)
    return block
