"""The I/O APIC: its registers answer, but no device raises its inputs.

::

    0x00 IOREGSEL   which register IOWIN shows: 0 ID, 1 version, 0x10 + 2n entry n low, + 1 high
    0x10 IOWIN      that register; 32-bit aligned accesses only

Reference: Intel 82093AA datasheet, 3.0.
"""

from typing import Final

from kernel_sim.trace import Trace
from kernel_sim.values import AddrRange

IOAPIC: Final = AddrRange(0xFEC0_0000, 0xFEC0_1000)
INPUTS: Final = 24
IOREGSEL: Final = 0x00
IOWIN: Final = 0x10
_VERSION: Final = 0x11 | (INPUTS - 1) << 16
_MASKED: Final = 1 << 16
_FIRST_ENTRY: Final = 0x10
_ID_BITS: Final = 0x0F00_0000


class IoApic:
    """Redirection entries, all masked at power-on."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._selected = 0
        self._id = 0
        self._entries = [_MASKED, 0] * INPUTS

    def load(self, offset: int, size_bytes: int) -> int:
        """The register at ``offset``; all-ones and a ``bus_error`` unless 32 bits are read."""
        if self._is_misfit(offset, size_bytes):
            return (1 << 8 * size_bytes) - 1
        if offset == IOREGSEL:
            return self._selected
        index = self._selected - _FIRST_ENTRY
        if offset == IOWIN and 0 <= index < len(self._entries):
            return self._entries[index]
        known = {0: self._id, 1: _VERSION}
        return known.get(self._selected, 0) if offset == IOWIN else 0

    def store(self, offset: int, size_bytes: int, value: int) -> None:
        """Write a register; only a ``bus_error`` unless 32 bits are written."""
        if self._is_misfit(offset, size_bytes):
            return
        index = self._selected - _FIRST_ENTRY
        if offset == IOREGSEL:
            self._selected = value & 0xFF
        elif offset == IOWIN and self._selected == 0:
            self._id = value & _ID_BITS
        elif offset == IOWIN and 0 <= index < len(self._entries):
            self._entries[index] = value

    def _is_misfit(self, offset: int, size_bytes: int) -> bool:
        """Whether the access is not 32-bit aligned; if so it becomes a ``bus_error`` event."""
        if size_bytes == 4 and not offset & 3:
            return False
        self._trace.emit("bus_error", physical=IOAPIC.start + offset, size=size_bytes)
        return True
