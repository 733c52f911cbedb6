"""Memory as the processor reads it: addresses, bytes and printable characters."""

from typing import Protocol

from kernel_sim.notebook.quiet import quiet_while_loading
from kernel_sim.notebook.showing import Shown


class ReadsBytes(Protocol):
    """The processor, or whatever reads bytes at an address."""

    def read(self, address: int, size: int, /) -> bytes:
        """``size`` bytes from ``address``."""


class HasCpu(Protocol):
    """A machine, or the kernel."""

    @property
    def cpu(self) -> ReadsBytes:
        """Its processor."""


class Dump(Shown):
    """Bytes ``[address, address + len(data))``, ``row`` bytes a line."""

    def __init__(self, address: int, data: bytes, row: int) -> None:
        self.address = address
        self.data = data
        self.row = row

    def __repr__(self) -> str:
        return f"<{len(self.data)} bytes at {self.address:#x}>"

    def text(self) -> str:
        """One line for each row: address, bytes in hexadecimal, characters."""
        lines = (self.data[at : at + self.row] for at in range(0, len(self.data), self.row))
        width = 3 * self.row - 1
        return "\n".join(
            f"{self.address + i * self.row:#010x}  {line.hex(' '):<{width}}  {characters(line)}"
            for i, line in enumerate(lines)
        )


def characters(data: bytes) -> str:
    """ASCII characters, a dot for every byte that has none."""
    return "".join(chr(b) if 32 <= b < 127 else "." for b in data)


@quiet_while_loading
def dump(machine: HasCpu, address: int, count: int, row: int = 8) -> Dump:
    """Show ``count`` bytes of memory from ``address`` on, ``row`` to a line."""
    picture = Dump(address, bytes(machine.cpu.read(address, count)), row)
    picture.show()
    return picture
