"""The bitmap under test as it lies in RAM: read by the check itself, as its statistics say."""

from dataclasses import dataclass, replace
from typing import Final, Self

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.bench import Run
from kernel_sim.machine.ram import poison_word
from kernel_sim.values import AddrRange, FrameStats

MOST_BYTES: Final = 1 << 20
"""A bitmap for 32 GiB; no machine of ours needs more."""
_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True, slots=True)
class Bitmap:
    """The bytes at ``stats.bitmap_base``, and the frames that they call used."""

    stats: FrameStats
    data: bytes

    @property
    def range(self) -> AddrRange:
        """The physical bytes that it takes."""
        return AddrRange(self.stats.bitmap_base, self.stats.bitmap_base + len(self.data))

    @property
    def first(self) -> int:
        """The number of the frame that bit 0 stands for."""
        return self.stats.first_frame // PAGE_SIZE

    @property
    def covered(self) -> int:
        """The set of frames that have a bit."""
        return ((1 << len(self.data) * 8) - 1) << self.first

    @property
    def used(self) -> int:
        """The set of frames that are marked used."""
        data = self.data.translate(_REVERSED) if self.stats.bit_order == "msb" else self.data
        bits = int.from_bytes(data, "little")
        if self.stats.used_bit == 0:
            bits ^= (1 << len(data) * 8) - 1
        return bits << self.first

    def mirrored(self) -> Self:
        """The same bytes read in the other order of bits."""
        order = "lsb" if self.stats.bit_order == "msb" else "msb"
        return replace(self, stats=replace(self.stats, bit_order=order))

    def inverted(self) -> Self:
        """The same bytes with the other meaning of a bit."""
        return replace(self, stats=replace(self.stats, used_bit=1 - self.stats.used_bit))

    @property
    def free(self) -> int:
        """The set of frames that are marked free."""
        return self.covered & ~self.used


def read_bitmap(run: Run, stats: FrameStats) -> Bitmap:
    """The bitmap now; cut off where it claims to be longer than any can be."""
    size = min(stats.bitmap_bytes, MOST_BYTES)
    return Bitmap(stats, run.ram.read(stats.bitmap_base, size) if size else b"")


def is_poison(run: Run, number: int, seed: int) -> bool:
    """Whether nobody has written to the frame since power-on."""
    word = poison_word(seed, number).to_bytes(8, "little")
    return run.ram.read(number * PAGE_SIZE, PAGE_SIZE) == word * (PAGE_SIZE // 8)
