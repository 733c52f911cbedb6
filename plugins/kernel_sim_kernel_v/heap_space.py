"""How the heap's arena is cut into blocks: fitting, growing, carving.

A request takes the first free block that fits. What is left over, before an aligned payload or
after it, becomes a free block of its own::

    free     |h.......................................|
    carved   |h....|H#################|h..............|
              gap   ^ payload aligned   rest
"""

from collections.abc import Callable
from dataclasses import dataclass

from kernel_sim.addr import align_up
from kernel_sim_kernel_v.free_list import FreeList
from kernel_sim_kernel_v.heap_arena import Arena
from kernel_sim_kernel_v.heap_block import FREE, HEADER_BYTES, SMALLEST_BLOCK, Block


@dataclass(slots=True)
class Heap:
    """The heap's globals.

    ``last_size`` is the size of the block that ends the arena, 0 while there is none.
    """

    arena: Arena
    free: FreeList
    last_size: int = 0
    used_bytes: int = 0
    block_count: int = 0

    def block(self, address: int) -> Block:
        """The block whose header lies at ``address``."""
        return Block(self.arena.kernel, address)

    def tell_next(self, end: int, size: int) -> None:
        """Record that the block which ends at ``end`` has ``size`` bytes now."""
        if end < self.arena.end:
            self.block(end).set_size_before(size)
        else:
            self.last_size = size


Fit = Callable[[Heap, int, int], Block | None]
"""Chooses a free block for so many bytes at an alignment; None if none of them can hold it."""


def placed(start: int, align: int) -> int:
    """Where in free memory from ``start`` on a block begins whose payload is aligned.

    The gap in front is nothing, or large enough for a free block.
    """
    at = align_up(start + HEADER_BYTES, align) - HEADER_BYTES
    return at if at == start or at - start >= SMALLEST_BLOCK else at + align


def first_fit(heap: Heap, need: int, align: int) -> Block | None:
    """The newest free block that can hold ``need`` bytes at ``align``."""
    return next((b for b in heap.free if placed(b.address, align) + need <= b.end), None)


def grown(heap: Heap, need: int, align: int) -> Block | None:
    """A free block at the end of the arena, made large enough by growing; None if it can't grow."""
    old_end, last = heap.arena.end, heap.block(heap.arena.end - heap.last_size)
    joins = heap.last_size > 0 and last.is_sealed(FREE)
    block = last if joins else heap.block(old_end)
    if not heap.arena.extend(placed(block.address, align) + need):
        return None
    size_before = heap.last_size
    if joins:
        heap.free.remove(block)
        size_before = block.size_before
    make_free(heap, block, heap.arena.end, size_before)
    heap.last_size = block.size
    return block


def carve(heap: Heap, block: Block, at: int, need: int, requested: int) -> Block:
    """Take ``need`` bytes from ``at`` out of a free block.

    A rest that is too small for a block stays with them.
    """
    end, size_before = block.end, block.size_before
    heap.free.remove(block)
    if at > block.address:
        make_free(heap, block, at, size_before)
        size_before = at - block.address
    size = need if end - (at + need) >= SMALLEST_BLOCK else end - at
    taken = heap.block(at)
    taken.write_used(size, size_before, requested)
    if taken.end < end:
        make_free(heap, heap.block(taken.end), end, size)
        heap.tell_next(end, end - taken.end)
    else:
        heap.tell_next(end, size)
    return taken


def make_free(heap: Heap, block: Block, end: int, size_before: int) -> None:
    """Turn the memory from ``block`` to ``end`` into one free block on the list."""
    block.write_free(end - block.address, size_before)
    heap.free.add(block)
