"""The physical address space: which address leads to RAM, to a device, or to nothing.

::

    0x0       0xA0000   0xB8000  0xC0000   0xF0000    0x100000
    | RAM ... | hole    | text   | hole ...| ROM      | RAM as the map says, devices, holes

Holes read all-ones; a write there, or to ROM, is a ``bus_error`` event and changes nothing.
"""

from typing import Final, Protocol

from kernel_sim.addr import HUGE_PAGE_SIZE
from kernel_sim.errors import InputError
from kernel_sim.machine.ram import FRAME_SHIFT, NO_RAM, OFFSET_MASK, Ram
from kernel_sim.machine.spec import PHYSICAL_END
from kernel_sim.trace import Trace
from kernel_sim.values import AddrRange

BIOS_ROM: Final = AddrRange(0xF_0000, 0x10_0000)
_ROM_FRAMES: Final = range(BIOS_ROM.start >> FRAME_SHIFT, BIOS_ROM.end >> FRAME_SHIFT)


class Device(Protocol):
    """Registers that answer at physical addresses."""

    def load(self, offset: int, size_bytes: int) -> int:
        """The register at ``offset`` from the device's start."""

    def store(self, offset: int, size_bytes: int, value: int) -> None:
        """Write the register at ``offset``."""


class Bus:
    """Routes physical accesses of at most one frame."""

    def __init__(self, ram: Ram, trace: Trace) -> None:
        self.ram = ram
        self._trace = trace
        self._devices: list[tuple[AddrRange, Device]] = []
        self.device_frames: set[int] = set()
        """Numbers of the frames in which devices answer."""

    def attach(self, place: AddrRange, device: Device) -> None:
        """Let ``device`` answer in the frame-aligned range ``place``, before RAM does.

        Raises:
            InputError: the range is empty, not in whole frames, larger than a GiB, or has another
                device in it.
        """
        if not place or place.start & OFFSET_MASK or place.end & OFFSET_MASK:
            raise InputError(f"no place for a device: {place}", expected="whole frames")
        if place.length > HUGE_PAGE_SIZE or place.end > PHYSICAL_END:
            raise InputError(f"no place for a device: {place}", expected="1 GiB below 2^52 or less")
        for other, _ in self._devices:
            if other.overlaps(place):
                raise InputError(f"two devices in one place: {other} and {place}")
        self._devices.append((place, device))
        self.device_frames.update(range(place.start >> FRAME_SHIFT, place.end >> FRAME_SHIFT))

    def memory_offset(self, frame: int, *, write: bool) -> int:
        """The offset of a frame that is plain memory for this access; `NO_RAM` if it is not."""
        if (write and frame in _ROM_FRAMES) or self._device(frame << FRAME_SHIFT):
            return NO_RAM
        return self.ram.offset(frame)

    def read(self, physical: int, size_bytes: int) -> bytes:
        """``size_bytes`` of one frame."""
        found = self._device(physical)
        if found:
            place, device = found
            value = device.load(physical - place.start, size_bytes)
            self._trace.emit("mmio", access="load", physical=physical, size=size_bytes, value=value)
            return value.to_bytes(size_bytes, "little")
        offset = self.ram.offset(physical >> FRAME_SHIFT)
        if offset == NO_RAM:
            return b"\xff" * size_bytes
        start = offset + (physical & OFFSET_MASK)
        return bytes(self.ram.u8[start : start + size_bytes])

    def write(self, physical: int, data: bytes) -> None:
        """Write bytes of one frame."""
        found = self._device(physical)
        if found:
            place, device = found
            value = int.from_bytes(data, "little")
            self._trace.emit("mmio", access="store", physical=physical, size=len(data), value=value)
            device.store(physical - place.start, len(data), value)
        elif self.memory_offset(physical >> FRAME_SHIFT, write=True) == NO_RAM:
            self._trace.emit("bus_error", physical=physical, size=len(data))
        else:
            self.ram.write(physical, data)

    def _device(self, physical: int) -> tuple[AddrRange, Device] | None:
        if physical >> FRAME_SHIFT not in self.device_frames:
            return None
        for place, device in self._devices:
            if physical in place:
                return place, device
        return None
