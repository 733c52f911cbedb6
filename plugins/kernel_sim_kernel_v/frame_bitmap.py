"""The frame bitmap: one bit for each 4 KiB frame, in memory (KV-9).

Bit n stands for the frame at ``4096 * n``; 1 means used. Bytes are filled from bit 0 up, so that
little-endian words keep the order::

    byte      0                  1
    bit       7 6 5 4 3 2 1 0    7 6 5 4 3 2 1 0
    frame     7 6 5 4 3 2 1 0   15 . . . . . 9 8

The map is a whole number of 32-bit words; the bits past the last frame stay 1 for ever.
Physical memory is reached through ``phys_to_virt``: the map is in use before and after paging.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel_sim.addr import align_down, align_up

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel
    from kernel_sim_kernel_v.coded_bitmap import BitmapMemory

WORD_BYTES: Final = 4
WORD_BITS: Final = 32
FULL_WORD: Final = 0xFFFF_FFFF


def bitmap_bytes(frame_count: int) -> int:
    """Bytes of a bitmap for ``frame_count`` frames: whole words."""
    return align_up(frame_count, WORD_BITS) // 8


@dataclass(frozen=True, slots=True)
class FrameBitmap:
    """The bitmap of ``frame_count`` frames at the physical address ``base``."""

    kernel: "Kernel"
    base: int
    frame_count: int

    @property
    def memory(self) -> "BitmapMemory":
        """Where the map lies."""
        return self.kernel.cpu

    @property
    def size(self) -> int:
        """Bytes of the map."""
        return bitmap_bytes(self.frame_count)

    def set_all(self) -> None:
        """Mark every frame used, those past the end too."""
        self.memory.fill(self._virtual(0), self.size, 0xFF)

    def mark_free(self, first: int, end: int) -> None:
        """Clear the bits of the frames ``[first, end)``."""
        self._mark(first, end, used=False)

    def mark_used(self, first: int, end: int) -> None:
        """Set the bits of the frames ``[first, end)``."""
        self._mark(first, end, used=True)

    def is_used(self, frame_number: int) -> bool:
        """Whether the bit of one frame, below ``frame_count``, is set."""
        return bool(self._byte(frame_number // 8) >> frame_number % 8 & 1)

    def count_free(self) -> int:
        """How many bits are clear."""
        return self.size * 8 - self._whole().bit_count()

    def take_first_free(self, word: int) -> int | None:
        """Set the first clear bit at or after 32-bit word ``word``; its number, or None.

        A word of all ones is passed over at once: 32 frames for one load.
        """
        memory, base = self.memory, self._virtual(0)
        for address in range(base + word * WORD_BYTES, base + self.size, WORD_BYTES):
            bits = memory.load(address, WORD_BYTES)
            if bits != FULL_WORD:
                lowest_clear = ~bits & (bits + 1)
                memory.store(address, WORD_BYTES, bits | lowest_clear)
                return (address - base) * 8 + lowest_clear.bit_length() - 1
        return None

    def find_run(self, count: int, step: int) -> int | None:
        """The first of ``count`` adjacent clear bits, its number a multiple of ``step``, or None.

        ``starts & starts >> n`` keeps the bits that are followed by n more: doubling n finds all
        runs in a few operations on the whole map.
        """
        starts = self._whole() ^ ((1 << self.size * 8) - 1)
        length = 1
        while starts and length < count:
            shift = min(length, count - length)
            starts &= starts >> shift
            length += shift
        while starts:
            first = (starts & -starts).bit_length() - 1
            if first % step == 0:
                return first
            next_multiple = align_up(first, step)
            starts = starts >> next_multiple << next_multiple
        return None

    def _virtual(self, offset: int) -> int:
        return self.kernel.hooks.phys_to_virt(self.base) + offset

    def _byte(self, index: int) -> int:
        return self.memory.load(self._virtual(index), 1)

    def _whole(self) -> int:
        """All bits as one number, frame 0 lowest."""
        return int.from_bytes(self.memory.read(self._virtual(0), self.size), "little")

    def _mark(self, first: int, end: int, *, used: bool) -> None:
        """Set or clear ``[first, end)``: whole bytes by one fill, the ragged ends bit by bit."""
        low = min(end, align_up(first, 8))
        high = max(low, align_down(end, 8))
        self._mark_within(first, low, used=used)
        self.memory.fill(self._virtual(low // 8), (high - low) // 8, 0xFF if used else 0x00)
        self._mark_within(high, end, used=used)

    def _mark_within(self, first: int, end: int, *, used: bool) -> None:
        """Set or clear bits of a single byte; nothing if the range is empty."""
        if first >= end:
            return
        mask = (1 << end - first) - 1 << first % 8
        byte = self._byte(first // 8)
        changed = byte | mask if used else byte & ~mask
        self.memory.store(self._virtual(first // 8), 1, changed)
