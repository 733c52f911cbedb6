"""The heap's free list: doubly linked through the free blocks themselves, newest first."""

from collections.abc import Iterator
from dataclasses import dataclass

from kernel_sim.errors import HeapError, HeapErrorReason
from kernel_sim_kernel_v.heap_arena import Arena
from kernel_sim_kernel_v.heap_block import FREE, Block


@dataclass(slots=True)
class FreeList:
    """A kernel global that holds the address of the first free block; the links lie in memory."""

    arena: Arena
    head: int = 0
    free_bytes: int = 0

    def __iter__(self) -> Iterator[Block]:
        """The free blocks.

        Raises:
            HeapError: a link leads to what is no free block: someone wrote to freed memory.
        """
        address = self.head
        while address:
            block = self._block(address)
            yield block
            address = block.next_free

    def add(self, block: Block) -> None:
        """Put a free block in front."""
        block.set_next_free(self.head)
        block.set_previous_free(0)
        if self.head:
            self._block(self.head).set_previous_free(block.address)
        self.head = block.address
        self.free_bytes += block.size

    def remove(self, block: Block) -> None:
        """Take a block out, wherever it stands."""
        before, after = block.previous_free, block.next_free
        neighbours = [self._block(address) if address else None for address in (before, after)]
        if neighbours[0]:
            neighbours[0].set_next_free(after)
        else:
            self.head = after
        if neighbours[1]:
            neighbours[1].set_previous_free(before)
        self.free_bytes -= block.size

    def _block(self, address: int) -> Block:
        block = Block(self.arena.kernel, address)
        if not self.arena.holds(address) or not block.is_sealed(FREE):
            raise HeapError(address, "a link to a free block", HeapErrorReason.CORRUPTED)
        return block
