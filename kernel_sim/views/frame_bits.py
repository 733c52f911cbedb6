"""An allocator's bitmap as others read it: a bit for each frame from 0 on, 1 for used."""

from dataclasses import dataclass
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.values import FrameStats

REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""Each byte with its bits in the opposite order."""
INVERTED: Final = bytes(byte ^ 0xFF for byte in range(256))
LARGEST_BITMAP: Final = 1 << 28
"""Bytes; a bitmap that claims to be larger is not read. It would describe 8 TiB."""


@dataclass(frozen=True, slots=True)
class FrameBits:
    """Bit n of byte n // 8, the lowest first, is set where frame number n is used.

    Nothing is known of frames below ``first``, and from ``end`` on.
    """

    data: bytes
    first: int = 0

    @property
    def end(self) -> int:
        """One past the last frame that has a bit."""
        return len(self.data) * 8

    @classmethod
    def of(cls, stats: FrameStats, data: bytes) -> "FrameBits":
        """From what lies at ``stats.bitmap_base``, whatever its order and sense of bits."""
        ordered = data.translate(REVERSED) if stats.bit_order == "msb" else data
        used = ordered if stats.used_bit else ordered.translate(INVERTED)
        first = stats.first_frame // PAGE_SIZE
        if first % 8 == 0:
            return cls(bytes(first // 8) + used, first)
        shifted = int.from_bytes(used, "little") << first
        return cls(shifted.to_bytes((first + len(used) * 8 + 7) // 8, "little"), first)

    def count(self, first: int, end: int) -> int:
        """How many of the frames ``[first, end)`` are used; none beyond the bitmap."""
        window = int.from_bytes(self.data[first // 8 : (end + 7) // 8], "little")
        return (window >> first % 8 & ((1 << max(end - first, 0)) - 1)).bit_count()


def is_readable(stats: object) -> bool:
    """Whether ``stats`` names a bitmap that can be read: a student's allocator may say anything."""
    if not isinstance(stats, FrameStats):
        return False
    numbers = (stats.bitmap_base, stats.bitmap_bytes, stats.first_frame)
    return (
        all(isinstance(number, int) and number >= 0 for number in numbers)
        and stats.bitmap_bytes <= LARGEST_BITMAP
        and stats.bitmap_base + stats.bitmap_bytes <= 1 << 52
        and stats.first_frame < 1 << 52
        and stats.bit_order in {"lsb", "msb"}
        and stats.used_bit in {0, 1}
    )
