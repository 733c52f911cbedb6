"""The linear framebuffer that graphics firmware sets up: pixels in the PCI hole, four bytes each.

::

    31 .. 24   23 .. 16   15 .. 8   7 .. 0
    unused     red        green     blue
"""

from dataclasses import dataclass
from typing import Final

from kernel_sim.addr import LARGE_PAGE_SIZE, PAGE_SIZE, align_up
from kernel_sim.machine.firmware.available import without
from kernel_sim.machine.ram import Ram
from kernel_sim.machine.spec import MachineSpec
from kernel_sim.values import AddrRange

PCI_HOLE: Final = AddrRange(0x8000_0000, 0xFE00_0000)
"""It lies at the first 2 MiB in here that the memory map does not describe."""


@dataclass(frozen=True, slots=True)
class Mode:
    """Pixels across and down, and bytes a pixel."""

    width: int = 640
    height: int = 480
    bytes_per_pixel: int = 4

    @property
    def size_bytes(self) -> int:
        """Bytes of one picture."""
        return self.width * self.height * self.bytes_per_pixel


def framebuffer_range(spec: MachineSpec) -> AddrRange | None:
    """Where ``spec`` has its framebuffer, in whole pages; None on machines without one.

    Machines that start in long mode have one in the PCI hole, if the hole has room.
    """
    if not spec.long_mode:
        return None
    size = align_up(Mode().size_bytes, PAGE_SIZE)
    memory = [AddrRange(e.base, e.end) for e in (*spec.entries, *spec.descriptors)]
    for hole in without([PCI_HOLE], memory):
        start = align_up(hole.start, LARGE_PAGE_SIZE)
        if start + size <= hole.end:
            return AddrRange(start, start + size)
    return None


class Framebuffer:
    """The picture as the monitor shows it. At power-on it holds noise: the seed's poison."""

    def __init__(self, ram: Ram, place: AddrRange, mode: Mode | None = None) -> None:
        self._ram = ram
        self.place = place
        self.mode = mode or Mode()

    def row(self, number: int) -> bytes:
        """The bytes of one row of pixels, 0 being the top one."""
        size = self.mode.width * self.mode.bytes_per_pixel
        return self._ram.read(self.place.start + number * size, size)

    def pixel(self, x: int, y: int) -> tuple[int, int, int]:
        """Red, green and blue of the pixel in column ``x`` and row ``y``.

        Raises:
            IndexError: it lies outside of the picture.
        """
        if not (0 <= x < self.mode.width and 0 <= y < self.mode.height):
            raise IndexError(f"pixel {x}, {y} of {self.mode.width} by {self.mode.height}")
        at = self.place.start + (y * self.mode.width + x) * self.mode.bytes_per_pixel
        blue, green, red = self._ram.read(at, 3)
        return red, green, blue
