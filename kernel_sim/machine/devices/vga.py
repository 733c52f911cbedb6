"""The VGA text screen: 25 rows of 80 cells at physical 0xB8000, two bytes each.

::

    15 14..12  11..8  7........0
     B  back   fore   character
"""

from typing import Final

from kernel_sim.machine.ram import Ram
from kernel_sim.values import AddrRange

VGA_TEXT: Final = 0xB_8000
COLUMNS: Final = 80
ROWS: Final = 25
TEXT_BYTES: Final = COLUMNS * ROWS * 2
TEXT_FRAME: Final = AddrRange(VGA_TEXT, VGA_TEXT + 0x1000)
"""The display's memory, backed like RAM so that a grader reads the screen from the shared bytes."""
_BLANK: Final = b" \x07"


class VgaText:
    """The screen as the display adapter shows it."""

    def __init__(self, ram: Ram) -> None:
        self._ram = ram

    def clear(self) -> None:
        """What the adapter holds at power-on: light grey on black, no character."""
        self._ram.write(VGA_TEXT, _BLANK * (TEXT_FRAME.length // 2))

    def cells(self) -> bytes:
        """The 4000 bytes of the visible screen."""
        return self._ram.read(VGA_TEXT, TEXT_BYTES)

    def lines(self) -> list[str]:
        """25 strings of 80 characters, decoded from code page 437; zero bytes are blanks."""
        text = self.cells()[::2].replace(b"\0", b" ").decode("cp437")
        return [text[row * COLUMNS : (row + 1) * COLUMNS] for row in range(ROWS)]
