"""`FrameBitmap`: which frames are used, one bit each, in static memory (BD-20 to BD-24).

Bit n stands for the frame at ``0x100000 + 4096 * n``, bytes are filled from bit 0 up::

    byte      0                                   32767
    bit       7 6 5 4 3 2 1 0     ...             7 6 5 4 3 2 1 0
    address   ....... 101 100 (thousand)          400FF000 .......

A set bit means used; nothing ever clears one, and the map has one size. A frame outside is reported
and left untracked.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_sim.addr import PAGE_SIZE, align_down, align_up
from kernel_sim_bulldog.discovery import BITMAP_BASE, TRACKED, TRACKED_FRAMES, FrameRange
from kernel_sim_bulldog.layout import FRAME_BITMAP_BYTES, static

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel


@dataclass(frozen=True, slots=True)
class FrameBitmap:
    """The bitmap whose first byte is mapped at ``base``."""

    kernel: "Kernel"
    base: int

    @classmethod
    def zeroed(cls, kernel: "Kernel") -> "FrameBitmap":
        """The static bitmap with no frame recorded as used."""
        bitmap = cls(kernel, static(kernel, "FRAME_BITMAP").start)
        kernel.cpu.fill(bitmap.base, FRAME_BITMAP_BYTES, 0)
        return bitmap

    def mark_used(self, frame: int) -> bool:
        """Record the frame at the physical address ``frame``; False if it is out of bounds."""
        index = (frame - BITMAP_BASE) // PAGE_SIZE
        if not 0 <= index < TRACKED_FRAMES:
            self.kernel.log("frame_out_of_bounds", frame=frame)
            return False
        self._set(index // 8, 1 << index % 8)
        return True

    def is_used(self, frame: int) -> bool:
        """Whether the frame at ``frame`` is recorded; what is out of bounds never is."""
        index = (frame - BITMAP_BASE) // PAGE_SIZE
        if not 0 <= index < TRACKED_FRAMES:
            return False
        return bool(self.kernel.cpu.load(self.base + index // 8, 1) >> index % 8 & 1)

    def mark_all_but(self, free: list[FrameRange]) -> None:
        """Record every frame of the map that is in none of the sorted ``free`` ranges."""
        position = TRACKED.first
        for item in free:
            self._mark_range(position - TRACKED.first, item.first - TRACKED.first)
            position = item.end
        self._mark_range(position - TRACKED.first, TRACKED_FRAMES)

    def count_clear(self) -> int:
        """How many frames are not recorded."""
        data = self.kernel.cpu.read(self.base, FRAME_BITMAP_BYTES)
        return TRACKED_FRAMES - int.from_bytes(data, "little").bit_count()

    def _mark_range(self, first: int, end: int) -> None:
        """Set the bits ``[first, end)``: whole bytes by one fill, the ragged ends by their bits."""
        low = min(end, align_up(first, 8))
        high = max(low, align_down(end, 8))
        self._set(first // 8, (1 << low - first) - 1 << first % 8)
        self.kernel.cpu.fill(self.base + low // 8, (high - low) // 8, 0xFF)
        self._set(high // 8, (1 << end - high) - 1)

    def _set(self, byte: int, mask: int) -> None:
        if mask:
            address = self.base + byte
            self.kernel.cpu.store(address, 1, self.kernel.cpu.load(address, 1) | mask)
