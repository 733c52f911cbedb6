"""The kernel's console: text on the VGA screen, written through the CPU as a kernel writes it."""

from collections.abc import Callable, Iterator
from typing import Final

from kernel_sim.machine import Cpu
from kernel_sim.machine.devices.vga import COLUMNS, ROWS, VGA_TEXT

GREY_ON_BLACK: Final = 0x07
ROW_BYTES: Final = COLUMNS * 2
_BLANK_ROW: Final = b" \x07" * COLUMNS


class Console:
    """A scrolling text screen; ``transcript`` keeps every line, also those that have scrolled away.

    Args:
        cpu: whose loads and stores reach the screen, through paging where that is on.
        log: is told each line.
        text: the address of the screen's first cell.
    """

    def __init__(self, cpu: Cpu, log: Callable[[str], object], text: int = VGA_TEXT) -> None:
        self.transcript: list[str] = []
        self._text = text
        self._cpu = cpu
        self._log = log
        self._row = 0

    def move_to(self, text: int) -> None:
        """Write to the screen at the address ``text`` from now on: another mapping of it."""
        self._text = text

    def clear(self) -> None:
        """Blank the screen and go to its first row."""
        self._cpu.write(self._text, _BLANK_ROW * ROWS)
        self._row = 0

    def print(self, text: object = "") -> None:
        """Write ``text`` and end the line; longer lines go on in the next row."""
        for line in str(text).split("\n"):
            self.transcript.append(line)
            self._log(line)
            for piece in _pieces(line):
                self._write_row(piece)

    def _write_row(self, text: str) -> None:
        if self._row == ROWS:
            rest = self._cpu.read(self._text + ROW_BYTES, (ROWS - 1) * ROW_BYTES)
            self._cpu.write(self._text, rest + _BLANK_ROW)
            self._row -= 1
        cells = bytearray(_BLANK_ROW)
        cells[::2] = text.ljust(COLUMNS).encode("cp437", "replace")
        self._cpu.write(self._text + self._row * ROW_BYTES, bytes(cells))
        self._row += 1


def _pieces(line: str) -> Iterator[str]:
    """``line`` in pieces of a row; an empty line is one empty piece."""
    shown = line.expandtabs()
    for start in range(0, max(len(shown), 1), COLUMNS):
        yield shown[start : start + COLUMNS]
