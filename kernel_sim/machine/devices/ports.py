"""I/O ports: nothing is behind them, but what is written to them is kept.

0x21 and 0xA1 mask the interrupt controllers' inputs, bit 7 of 0x70 masks NMIs.
"""

from typing import Final

PIC_MASKS: Final = (0x21, 0xA1)
CMOS_INDEX: Final = 0x70
CMOS_DATA: Final = 0x71
FLOATING: Final = 0xFF
"""What a port reads that nobody has written."""
_NMI_OFF: Final = 0x80


class Ports:
    """The last byte written to each port, and all of them in order."""

    def __init__(self) -> None:
        self.written: list[tuple[int, int]] = []
        """(port, byte) for each OUT."""
        self._last: dict[int, int] = {}

    def load(self, port: int) -> int:
        """The byte that was last written to ``port``, 0xFF if none was."""
        return self._last.get(port, FLOATING)

    def store(self, port: int, value: int) -> None:
        """Keep the byte ``value``.

        Raises:
            ValueError: there is no such port, or no such byte.
        """
        if not (0 <= port < 0x1_0000 and 0 <= value < 0x100):
            raise ValueError(f"outb {port:#x}, {value:#x}; expected a 16-bit port and a byte")
        self._last[port] = value
        self.written.append((port, value))

    @property
    def pic_masked(self) -> bool:
        """Whether both interrupt controllers were told to let nothing through."""
        return all(self._last.get(port) == 0xFF for port in PIC_MASKS)

    @property
    def nmi_masked(self) -> bool:
        """Whether the last index written to port 0x70 has NMIs off."""
        return bool(self._last.get(CMOS_INDEX, 0) & _NMI_OFF)
