"""The VGA text screen as a widget: 80 by 25 glyphs, colours, cursor; needs the extra ``notebook``.

What the browser draws is in ``screen.js``, which asks nothing of the network.
"""

from typing import Final

import traitlets

from kernel_sim.machine import Machine
from kernel_sim.views.live_widget import LiveWidget
from kernel_sim.views.screen import Screen
from kernel_sim.views.script import script

CRTC_INDEX: Final = 0x3D4
CRTC_DATA: Final = 0x3D5
CURSOR_HIGH: Final = 14
CURSOR_LOW: Final = 15


class ScreenWidget(LiveWidget):
    """The screen of ``machine``, as it changes.

    Traits: ``cells``, 4000 bytes as the display adapter holds them; ``cursor``, the position that
    was written to the CRT controller, -1 for none.
    """

    _esm = script("screen.js")

    cursor = traitlets.Int(-1).tag(sync=True)

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        super().__init__(machine.trace, cursor=cursor_of(machine.ports.written))

    def read(self) -> bytes:
        """The 4000 bytes of the visible screen."""
        return bytes(self._machine.vga.cells())

    def screen(self) -> Screen:
        """The text that stands on it."""
        return Screen(self._machine.vga.lines())

    def words(self) -> str:
        """The lines in a frame."""
        return self.screen().text()

    def html(self) -> str:
        """The lines as HTML."""
        return self.screen().html()

    def refresh(self) -> None:
        """Show text, colours and cursor as they are now."""
        super().refresh()
        self.cursor = cursor_of(self._machine.ports.written)


def cursor_of(written: list[tuple[int, int]]) -> int:
    """The cell that the CRT controller's registers 14 and 15 name, -1 if none was ever set."""
    registers: dict[int, int] = {}
    index = -1
    for port, value in written:
        if port == CRTC_INDEX:
            index = value
        elif port == CRTC_DATA:
            registers[index] = value
    if not {CURSOR_HIGH, CURSOR_LOW} & registers.keys():
        return -1
    return registers.get(CURSOR_HIGH, 0) << 8 | registers.get(CURSOR_LOW, 0)
