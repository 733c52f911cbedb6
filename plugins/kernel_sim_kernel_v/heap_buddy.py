"""Kernel heap, binary buddies: blocks of 2^n bytes, split in halves, joined with the other half.

::

    offset     0                    256       384   448   512
    order 9    |- - - - - - - - - - - - - - - - - - - - - |
    order 8    |#### used 256 ######|- - - - - - - - - - -|
    order 7                         |## used #|- - - - - -|
    order 6                                   |used |free |

The buddy of 2^n bytes is at ``offset ^ 2^n``; rounding is the price: 520 bytes take 1024.

::

    block    +0   order, and USED or FREE, mixed with the address
             +4   next_free, +8 previous_free     in a free block alone
    payload  -8   order, and USED or FREED        in front of the payload, where kfree looks
             -4   bytes back to the block
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from kernel_sim.addr import align_up, is_aligned, is_power_of_two
from kernel_sim.errors import HeapError, HeapErrorReason, HeapInitError, HeapInitErrorReason
from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.needs import Needs
from kernel_sim.values import HeapStats, SelfTestResult
from kernel_sim_kernel_v.heap_arena import Arena
from kernel_sim_kernel_v.heap_selftest import prove

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

TAG_BYTES: Final = 8
LEAST_ORDER: Final = 5  # 32 bytes
USED: Final = 0xB0DD_1E00
FREE: Final = 0xF4EE_1E00
FREED: Final = 0xDEAD_1E00
_ORDERS: Final = range(LEAST_ORDER, 32)
needs = Needs(maps_pages=True)


@dataclass(slots=True)
class Buddies:
    """Kernel globals: the first free block of each order. Links and tags lie in the blocks."""

    arena: Arena
    heads: dict[int, int] = field(default_factory=dict)
    used_bytes: int = 0
    free_bytes: int = 0
    block_count: int = 0

    def tag(self, state: int, order: int, at: int) -> int:
        """What the first word of a block, or the one in front of a payload, holds."""
        return (state | order) ^ at & 0xFFFF_FFFF

    def is_free(self, block: int, order: int) -> bool:
        """Whether a free block of this order begins here."""
        inside = self.arena.start <= block and block + (1 << order) <= self.arena.end
        return inside and self._load(block) == self.tag(FREE, order, block)

    def add(self, block: int, order: int) -> None:
        """Put a free block in front of its list."""
        head = self.heads.get(order, 0)
        for n, value in enumerate((self.tag(FREE, order, block), head, 0)):
            self._store(block + 4 * n, value)
        if head:
            self._store(head + 8, block)
        self.heads[order] = block
        self.free_bytes += 1 << order

    def remove(self, block: int, order: int) -> None:
        """Take a free block off its list; its tag is wiped, so that no buddy is misled."""
        following, previous = self._load(block + 4), self._load(block + 8)
        if previous:
            self._store(previous + 4, following)
        else:
            self.heads[order] = following
        if following:
            self._store(following + 8, previous)
        self._store(block, 0)
        self.free_bytes -= 1 << order

    def buddy(self, block: int, order: int) -> int:
        """The other half of the next larger block."""
        return self.arena.start + ((block - self.arena.start) ^ (1 << order))

    def take(self, order: int) -> int | None:
        """A block of this order, split off a larger one if need be; None if there is none."""
        found = next((n for n in _ORDERS if n >= order and self.heads.get(n)), None)
        if found is None:
            return None
        block = self.heads[found]
        self.remove(block, found)
        while found > order:
            found -= 1
            self.add(block + (1 << found), found)
        return block

    def give(self, block: int, order: int) -> None:
        """Take a block back and join it with its buddy as long as that is free, too."""
        while self.is_free(self.buddy(block, order), order):
            other = self.buddy(block, order)
            self.remove(other, order)
            block, order = min(block, other), order + 1
        self.add(block, order)

    def grow(self, order: int) -> bool:
        """Add memory until a block of this order is there; False if that can't be."""
        start, end = self.arena.start, self.arena.end
        target = start + align_up(end - start, 1 << order) + (1 << order)
        if self.is_free(self.arena.end - (1 << order - 1), order - 1):
            target = start + align_up(end - start, 1 << order)
        if not self.arena.extend(max(target, end + (1 << order))):
            return False
        at = end
        while self.arena.end - at >= 1 << LEAST_ORDER:
            size = min((at - start) & -(at - start) or 1 << 31, 1 << 31)
            while at + size > self.arena.end:
                size >>= 1
            self.give(at, size.bit_length() - 1)
            at += size
        return True

    def _load(self, at: int) -> int:
        return self.arena.kernel.cpu.load(at, 4)

    def _store(self, at: int, value: int) -> None:
        self.arena.kernel.cpu.store(at, 4, value)


@hookimpl
def heap_init(kernel: "Kernel", start: int, max_end: int) -> None:
    """Remember the range; memory is mapped when the first block asks for it."""
    if not 0 <= start <= max_end:
        raise HeapInitError(max_end, f"an end above {start:#x}", HeapInitErrorReason.INVALID_RANGE)
    arena = Arena.empty(kernel, start, max_end, 1 << LEAST_ORDER)
    if arena.max_end <= arena.start:
        raise HeapInitError(start, "room for a block", HeapInitErrorReason.EMPTY_RANGE)
    if hasattr(kernel.state, "heap"):
        raise HeapInitError(start, "one call", HeapInitErrorReason.ALREADY_INITIALIZED)
    kernel.state.heap = Buddies(arena)


@hookimpl
def kmalloc(kernel: "Kernel", size: int, align: int) -> int | None:
    """The payload of a block of ``size`` bytes, or None: no memory, no size, or no power of two."""
    if size < 1 or not is_power_of_two(align):
        return None
    heap: Buddies = kernel.state.heap
    gap = max(TAG_BYTES, align)
    order = max((size + gap - 1).bit_length(), LEAST_ORDER)
    if order > _ORDERS[-1]:
        return None
    block = heap.take(order)
    if block is None and heap.grow(order):
        block = heap.take(order)
    if block is None:
        return None
    payload = align_up(block + TAG_BYTES, max(align, TAG_BYTES))
    kernel.cpu.store(payload - 8, 4, heap.tag(USED, order, payload))
    kernel.cpu.store(payload - 4, 4, payload - block)
    heap.used_bytes += 1 << order
    heap.block_count += 1
    return payload


@hookimpl
def kfree(kernel: "Kernel", ptr: int | None) -> None:
    """Give a block back; a wrong pointer changes nothing."""
    if ptr is None:
        return
    heap: Buddies = kernel.state.heap
    if not heap.arena.start < ptr < heap.arena.end or not is_aligned(ptr, TAG_BYTES):
        raise HeapError(ptr, "a pointer from kmalloc", HeapErrorReason.FOREIGN_POINTER)
    tag = kernel.cpu.load(ptr - 8, 4)
    order = (tag ^ ptr) & 0xFF
    if order in _ORDERS and tag == heap.tag(FREED, order, ptr):
        raise HeapError(ptr, "a block in use", HeapErrorReason.DOUBLE_FREE)
    block = ptr - kernel.cpu.load(ptr - 4, 4)
    if order not in _ORDERS or tag != heap.tag(USED, order, ptr) or block < heap.arena.start:
        raise HeapError(ptr, "a pointer from kmalloc", HeapErrorReason.FOREIGN_POINTER)
    kernel.cpu.store(ptr - 8, 4, heap.tag(FREED, order, ptr))
    heap.used_bytes -= 1 << order
    heap.block_count -= 1
    heap.give(block, order)


@hookimpl
def heap_stats(kernel: "Kernel") -> HeapStats:
    """Bytes in blocks in use and in free ones, rounding included, and the blocks in use."""
    heap: Buddies = kernel.state.heap
    return HeapStats(heap.used_bytes, heap.free_bytes, heap.block_count)


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """Blocks keep their contents and their alignment, and leave nothing behind (KV-43)."""
    return prove(kernel, "heap_buddy")
