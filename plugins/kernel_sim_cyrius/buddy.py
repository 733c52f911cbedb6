"""Buddies: blocks of 2^n bytes at multiples of their size, on 32 lists (MS-7, MS-U2).

::

    FREE_LISTS [order 0] ... [order 12] --> block --> block --> 0
                                            |next|...|            a free block holds its list's next

    split:  |        2^13         |   ->   |   low 2^12   |  high 2^12  |   high is put back first,
                                                                            so that low is given
    join:   the buddy of a block is at ``address ^ size``; found on the list, it leaves it

Addresses are split as they are, not relative to the heap's start. A request takes
``max(next power of two, alignment, 8)`` bytes, and so is aligned by itself.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel_sim.addr import align_down, align_up
from kernel_sim_cyrius.layout import static

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

ORDERS: Final = 32
LEAST_BYTES: Final = 8
"""Room for a link."""


def block_bytes(size: int, align: int) -> int:
    """Bytes of the block for a request."""
    return max(1 << (size - 1).bit_length(), align, LEAST_BYTES)


@dataclass(frozen=True, slots=True)
class BuddySystem:
    """The lists; their heads lie in static memory, their links in the free blocks."""

    kernel: "Kernel"

    def add_to_heap(self, start: int, end: int) -> int:
        """Cut ``[start, end)`` into the largest aligned powers of two; how many bytes they have."""
        at, end, added = align_up(start, LEAST_BYTES), align_down(end, LEAST_BYTES), 0
        while end - at >= LEAST_BYTES:
            size = min(at & -at or 1 << ORDERS - 1, 1 << (end - at).bit_length() - 1)
            size = min(size, 1 << ORDERS - 1)
            self.push(size, at)
            at, added = at + size, added + size
        return added

    def take(self, size: int) -> int | None:
        """A block of ``size`` bytes (a power of two), split off a larger one if need be."""
        found = size
        while found < 1 << ORDERS and not self._head(found):
            found <<= 1
        if found >= 1 << ORDERS:
            return None
        block = self._head(found)
        self._set(self._slot(found), self.kernel.cpu.load(block, 8))
        while found > size:
            found >>= 1
            self.push(found, block + found)
        return block

    def give(self, block: int, size: int) -> None:
        """Take a block back; joined with its buddy as long as that is free."""
        while size < 1 << ORDERS - 1 and self._remove(size, block ^ size):
            block, size = min(block, block ^ size), size << 1
        self.push(size, block)

    def push(self, size: int, block: int) -> None:
        """Put a free block in front of its list."""
        self._set(block, self._head(size))
        self._set(self._slot(size), block)

    def blocks(self, size: int) -> list[int]:
        """The free blocks of ``size`` bytes, newest first."""
        found, at = [], self._head(size)
        while at:
            found.append(at)
            at = self.kernel.cpu.load(at, 8)
        return found

    def _remove(self, size: int, wanted: int) -> bool:
        """Take ``wanted`` off the list of its size; False if it is not on it."""
        link = self._slot(size)
        while block := self.kernel.cpu.load(link, 8):
            if block == wanted:
                self._set(link, self.kernel.cpu.load(block, 8))
                return True
            link = block
        return False

    def _slot(self, size: int) -> int:
        return static(self.kernel, "FREE_LISTS").start + 8 * (size.bit_length() - 1)

    def _head(self, size: int) -> int:
        return self.kernel.cpu.load(self._slot(size), 8)

    def _set(self, address: int, value: int) -> None:
        self.kernel.cpu.store(address, 8, value)
