"""The buddy bitmaps in memory.

Level k has a bit for each aligned block of 2**k frames; it is set if that block is free as a whole
and its buddy is not. A last bitmap has a bit for each frame in use::

    level 2  |           0           |           1           |    frames 4 to 7 free together
    level 1  |     1     |     0     |     0     |     0     |    0 and 1 free together
    level 0  |  0  |  0  |  0  |  1  |  0  |  0  |  0  |  0  |    3 alone
    in use   |  0  |  0  |  1  |  0  |  0  |  0  |  0  |  0  |    2

The bitmaps lie one behind the other, lowest level first, and are read and written through the CPU.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

MAX_LEVEL: Final = 10
"""The largest block has 1024 frames, 4 MiB."""
WORD_BITS: Final = 32


def words_of(frame_count: int, level: int) -> int:
    """The 32-bit words of a level's bitmap."""
    return ((frame_count >> level) + WORD_BITS) // WORD_BITS


def bytes_of(frame_count: int) -> int:
    """The bytes of all bitmaps together, the one of frames in use included."""
    levels = sum(words_of(frame_count, level) for level in range(MAX_LEVEL + 1))
    return 4 * (levels + words_of(frame_count, 0))


@dataclass(slots=True)
class Levels:
    """The bitmaps of ``frame_count`` frames, from physical address ``base`` on."""

    kernel: "Kernel"
    base: int
    frame_count: int
    starts: list[int] = field(init=False)
    free_blocks: list[int] = field(init=False)
    """How many bits each level has set."""

    def __post_init__(self) -> None:
        at, self.starts = self.base, []
        for level in (*range(MAX_LEVEL + 1), 0):
            self.starts.append(at)
            at += 4 * words_of(self.frame_count, level)
        self.free_blocks = [0] * (MAX_LEVEL + 1)
        size = bytes_of(self.frame_count)
        self.kernel.cpu.fill(self._virtual(self.base), size, 0)
        self.kernel.cpu.fill(self._virtual(self.used_base), self.base + size - self.used_base, 0xFF)

    @property
    def used_base(self) -> int:
        """The physical address of the bitmap of frames in use."""
        return self.starts[-1]

    def is_used(self, frame: int) -> bool:
        """Whether the frame of that number is in use, or never was free."""
        return bool(self._word(self.used_base, frame // WORD_BITS) >> frame % WORD_BITS & 1)

    def mark(self, first: int, count: int, *, used: bool) -> None:
        """Set or clear the bits of ``count`` frames in the bitmap of frames in use."""
        at, end = first, first + count
        while at < end:
            index, low = divmod(at, WORD_BITS)
            bits = min(WORD_BITS - low, end - at)
            mask = ((1 << bits) - 1) << low
            word = self._word(self.used_base, index)
            self._store(self.used_base, index, word | mask if used else word & ~mask)
            at += bits

    def give(self, block: int, level: int) -> None:
        """Make a block free; joined with its buddy as long as that is free as a whole."""
        while level < MAX_LEVEL and self._take(block ^ 1, level):
            block, level = block >> 1, level + 1
        word = self._word(self.starts[level], block // WORD_BITS)
        self._store(self.starts[level], block // WORD_BITS, word | 1 << block % WORD_BITS)
        self.free_blocks[level] += 1

    def take_first(self, level: int) -> int | None:
        """The lowest free block of ``level``, split off a larger one if need be, or None."""
        source = next((k for k in range(level, MAX_LEVEL + 1) if self.free_blocks[k]), None)
        if source is None:
            return None
        start = self.starts[source]
        for index in range(words_of(self.frame_count, source)):
            word = self._word(start, index)
            if word:
                break
        block = index * WORD_BITS + (word & -word).bit_length() - 1
        self._take(block, source)
        while source > level:
            block, source = block << 1, source - 1
            self.give(block | 1, source)
        return block

    def _take(self, block: int, level: int) -> bool:
        """Clear a block's bit; whether it was set."""
        word = self._word(self.starts[level], block // WORD_BITS)
        bit = 1 << block % WORD_BITS
        if not word & bit:
            return False
        self._store(self.starts[level], block // WORD_BITS, word & ~bit)
        self.free_blocks[level] -= 1
        return True

    def _virtual(self, physical: int) -> int:
        return self.kernel.hooks.phys_to_virt(physical)

    def _word(self, start: int, index: int) -> int:
        return self.kernel.cpu.load(self._virtual(start + 4 * index), 4)

    def _store(self, start: int, index: int, value: int) -> None:
        self.kernel.cpu.store(self._virtual(start + 4 * index), 4, value)
