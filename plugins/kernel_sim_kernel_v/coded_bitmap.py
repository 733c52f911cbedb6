"""The frame bitmap in another guise: bits from the top of a byte down, 1 for free (KV-9, KV-18).

The setting ``bitmap_layout`` asks for it, so that who reads the bitmap can be tried on others than
the usual one. The allocator goes on as ever; each byte is translated on its way to memory and back:

=============  ===============  ========================================================
setting        frames 7 ... 0
=============  ===============  ========================================================
(empty)        0 0 0 0 0 1 1 1  frames 0, 1 and 2 are used
``msb``        1 1 1 0 0 0 0 0  the first frame of a byte is its bit 7
``inverted``   1 1 1 1 1 0 0 0  a set bit is a free frame
``cut``                         the statistics begin at the byte of the first usable frame
=============  ===============  ========================================================
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.nearest import unknown_name
from kernel_sim_kernel_v.frame_bitmap import FrameBitmap

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel
    from kernel_sim.machine import Cpu

MSB: Final = "msb"
INVERTED: Final = "inverted"
CUT: Final = "cut"
_TABLES: Final = {
    MSB: bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256)),
    INVERTED: bytes(range(255, -1, -1)),
}
CODES: Final = _TABLES.keys()
LAYOUTS: Final = frozenset({*CODES, CUT})


def layout_of(kernel: "Kernel") -> frozenset[str]:
    """The names in ``config.bitmap_layout``, which have commas between them.

    Raises:
        InputError: one of them is none of `LAYOUTS`.
    """
    named = [name.strip() for name in kernel.config.bitmap_layout.split(",")]
    for name in filter(None, named):
        if name not in LAYOUTS:
            raise unknown_name("bitmap layout", name, LAYOUTS)
    return frozenset(filter(None, named))


class BitmapMemory(Protocol):
    """Memory as a bitmap needs it: the processor's, or a translation of it."""

    def load(self, address: int, size: int, /) -> int:
        """The number of ``size`` bytes at ``address``."""

    def store(self, address: int, size: int, value: int, /) -> None:
        """Store ``size`` bytes."""

    def read(self, address: int, n: int, /) -> bytes:
        """The ``n`` bytes from ``address``."""

    def fill(self, address: int, n: int, byte: int, /) -> None:
        """Store ``byte`` ``n`` times."""


@dataclass(frozen=True, slots=True)
class CodedMemory:
    """Memory whose bytes are read and written by a table that undoes itself."""

    cpu: "Cpu"
    table: bytes

    def load(self, address: int, size: int, /) -> int:
        """The number that is meant by ``size`` bytes at ``address``."""
        return int.from_bytes(self.read(address, size), "little")

    def store(self, address: int, size: int, value: int, /) -> None:
        """Store what stands for ``value``."""
        self.cpu.write(address, value.to_bytes(size, "little").translate(self.table))

    def read(self, address: int, n: int, /) -> bytes:
        """The bytes that are meant by those from ``address``."""
        return self.cpu.read(address, n).translate(self.table)

    def fill(self, address: int, n: int, byte: int, /) -> None:
        """Store what stands for ``byte`` ``n`` times."""
        self.cpu.fill(address, n, self.table[byte])


class CodedBitmap(FrameBitmap):
    """A bitmap whose bytes lie in memory as the settings ask."""

    __slots__ = ()

    @property
    def memory(self) -> BitmapMemory:
        """Where the map lies, translated."""
        table = bytes(range(256))
        for name in CODES & layout_of(self.kernel):
            table = table.translate(_TABLES[name])
        return CodedMemory(self.kernel.cpu, table)


def bitmap_at(base: int, frame_count: int, kernel: "Kernel") -> FrameBitmap:
    """The bitmap of ``frame_count`` frames at ``base``, in the layout of this boot.

    Raises:
        InputError: there is no such layout.
    """
    kind = CodedBitmap if layout_of(kernel) & CODES else FrameBitmap
    return kind(kernel, base, frame_count)


def description(bitmap: FrameBitmap, first: int) -> tuple[int, int, str, int, int]:
    """The fields of `FrameStats` from ``bitmap_base`` on; ``first`` is the first usable frame."""
    layout = layout_of(bitmap.kernel)
    skipped = first // 8 if CUT in layout else 0
    order, used_bit = "msb" if MSB in layout else "lsb", 0 if INVERTED in layout else 1
    return bitmap.base + skipped, bitmap.size - skipped, order, used_bit, skipped * 8 * PAGE_SIZE
