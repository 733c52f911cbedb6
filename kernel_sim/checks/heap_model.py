"""The shadow model of a heap: what was handed out, what came back, and what must still be there."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from kernel_sim.addr import PAGE_SIZE, align_up
from kernel_sim.values import AddrRange

OVERHEAD: Final = 64
"""More bytes than any sensible header, footer or rounding adds to a block."""
WORD: Final = 8
CPU_FILL: Final = "cpu.fill"
"""The operation that writes to a block."""


@dataclass(slots=True)
class LiveBlock:
    """A block in use: what was asked for, what came, and what was written into it."""

    address: int
    size: int
    align: int
    step: int
    byte: int | None = None
    filled: int = 0
    born: int = 0
    died: int = 0

    @property
    def end(self) -> int:
        """One past its last byte; a block of size 0 still has an address of its own."""
        return self.address + max(self.size, 1)


@dataclass(slots=True)
class HeapModel:
    """Live blocks by address, freed ones, and the frames that others hold.

    Args:
        window: what ``heap_init`` was told.
        free_frames: how many frames there were before the heap took any.
        demand: bytes that a heap which never reuses anything, and rounds to powers of two, would
            have taken so far.
        drained: frames that the check itself has taken from the allocator.
        drained_before: whether they have been given back since.
        top: the highest end that a block has had.
        payload: bytes that are in use.
        clock: counts what was handed out and what came back.
    """

    window: AddrRange
    free_frames: int
    live: dict[int, LiveBlock] = field(default_factory=dict)
    freed: dict[int, LiveBlock] = field(default_factory=dict)
    demand: int = 0
    drained: int = 0
    drained_before: bool = False
    top: int = 0
    payload: int = 0
    clock: int = 0
    _starts: list[int] = field(default_factory=list)

    # --- changes ----------------------------------------------------------------------------------

    def add(self, block: LiveBlock) -> None:
        """A block was handed out."""
        self.clock += 1
        block.born = self.clock
        if block.address not in self.live:
            insort(self._starts, block.address)
        self.live[block.address] = block
        self.freed.pop(block.address, None)
        self.demand += cost(block.size, block.align)
        self.top = max(self.top, block.end)
        self.payload += block.size

    def remove(self, address: int) -> None:
        """A block came back."""
        self.clock += 1
        block = self.live.pop(address)
        block.died = self.clock
        self.freed[address] = block
        self._starts.pop(bisect_left(self._starts, address))
        self.payload -= block.size

    # --- questions --------------------------------------------------------------------------------

    def neighbour(self, start: int, end: int) -> LiveBlock | None:
        """A live block that has a byte in ``[start, end)``."""
        place = bisect_left(self._starts, end)
        found = self.live[self._starts[place - 1]] if place else None
        return found if found is not None and found.end > start else None

    def around(self, pointer: int) -> LiveBlock | None:
        """The live block that ``pointer`` points into."""
        return self.neighbour(pointer, pointer + 1)

    @property
    def freed_bytes(self) -> int:
        """Bytes that were given back and lie in no live block."""
        return sum(end - start for start, end in self.free_stretches())

    @property
    def capacity(self) -> int:
        """Bytes that window and frames allow; two frames are kept back for page tables."""
        frames = max(self.free_frames - self.drained - 2, 0) * PAGE_SIZE
        return min(self.window.length, frames)

    def has_fresh_room(self, size: int, align: int) -> bool:
        """Whether any heap, even one that never reuses memory, can serve this request."""
        return 2 * (self.demand + cost(size, align)) <= self.capacity

    def has_free_room(self, size: int, align: int) -> bool:
        """Whether a heap that reuses, splits and joins has to serve this request.

        A freed block must do for a request of its own size; a stretch of free memory for one of the
        largest power of two that lies in it at a multiple of itself: what buddies make of it.
        """
        if not self.live and size + OVERHEAD <= self.capacity * 2 // 5:
            return True
        if any(self._fits_again(block, size, align) for block in self.freed.values()):
            return True
        needed = size + OVERHEAD + (align if align > 16 else 0)
        return any(needed <= self._aligned_room(*stretch) for stretch in self.free_stretches())

    def _aligned_room(self, start: int, end: int) -> int:
        """The largest power of two that lies in a stretch at a multiple of itself."""
        low = max(start - OVERHEAD, self.window.start) - self.window.start
        high = end - self.window.start
        size = 1 << max(high - low, 1).bit_length() - 1
        while size > WORD and align_up(low, size) + size > high:
            size >>= 1
        return size

    def _fits_again(self, block: LiveBlock, size: int, align: int) -> bool:
        if (size, align) != (block.size, block.align):
            return False
        near = self.blocks_between(block.address - OVERHEAD, block.end + OVERHEAD)
        return all(other.born < block.died for other in near)

    def blocks_between(self, start: int, end: int) -> Iterator[LiveBlock]:
        """The live blocks that have a byte in ``[start, end)``."""
        place = bisect_left(self._starts, start)
        for address in self._starts[max(place - 1, 0) :]:
            if address >= end:
                return
            if self.live[address].end > start:
                yield self.live[address]

    def free_stretches(self) -> Iterator[tuple[int, int]]:
        """Freed memory: payloads that follow each other, with no live block in or between."""
        open_start = open_end = -1
        for start, end in sorted((b.address, b.end) for b in self.freed.values()):
            for piece_start, piece_end in self._without_live(start, end):
                gap_is_free = self.neighbour(open_end, piece_start) is None
                if open_start >= 0 and piece_start - open_end <= OVERHEAD and gap_is_free:
                    open_end = max(open_end, piece_end)
                    continue
                if open_start >= 0:
                    yield open_start, open_end
                open_start, open_end = piece_start, piece_end
        if open_start >= 0:
            yield open_start, open_end

    def _without_live(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The parts of a range that no live block, nor what may surround it, lies in."""
        at = start
        for block in self.blocks_between(start - OVERHEAD, end + OVERHEAD):
            if block.address - OVERHEAD > at:
                yield at, block.address - OVERHEAD
            at = max(at, block.end + OVERHEAD)
        if at < end:
            yield at, end


def cost(size: int, align: int) -> int:
    """Bytes that a wasteful heap may take for a block: a power of two, and its alignment."""
    rounded: int = 1 << (size + OVERHEAD // 2 - 1).bit_length()
    return rounded + (2 * align if align > 16 else 0)
