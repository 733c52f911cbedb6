"""A device that masters the bus: it reads and writes physical memory past MMU and page tables.

So a driver that hands it a virtual address, or pages that are not contiguous, is found out.
"""

from collections.abc import Sequence
from typing import Final

from kernel_sim.errors import KernelError
from kernel_sim.machine.devices.bus import BIOS_ROM
from kernel_sim.machine.ram import Ram
from kernel_sim.trace import Trace
from kernel_sim.values import AddrRange

DEFAULT_ADDRESS_BITS: Final = 32


class DmaError(KernelError):
    """A transfer was aborted at the physical address that the error holds."""


class DmaDevice:
    """Transfers between memory and a device.

    Args:
        ram: physical memory.
        memory: the ranges of it that are memory and no screen, sorted.
        trace: hears of each transfer, as a ``dma`` event.
        address_bits: width of the addresses that the device can put on the bus.
    """

    def __init__(
        self,
        ram: Ram,
        memory: Sequence[AddrRange],
        trace: Trace,
        address_bits: int = DEFAULT_ADDRESS_BITS,
    ) -> None:
        self.address_bits = address_bits
        self._ram = ram
        self._memory = tuple(memory)
        self._trace = trace

    def read(self, physical: int, size_bytes: int) -> bytes:
        """``size_bytes`` from ``physical`` on.

        Raises:
            DmaError: an address is too wide for the device, or no memory is there.
        """
        self._start("read", physical, size_bytes)
        stop = self._first_bad(physical, size_bytes, write=False)
        if stop is not None:
            raise self._abort(stop, size_bytes)
        return self._ram.read(physical, size_bytes)

    def write(self, physical: int, data: bytes) -> None:
        """Write ``data`` from ``physical`` on; what lies before a bad address stays written.

        Raises:
            DmaError: an address is too wide for the device, or no memory is there.
        """
        self._start("write", physical, len(data))
        stop = self._first_bad(physical, len(data), write=True)
        if stop is None:
            self._ram.write(physical, data)
            return
        self._ram.write(physical, data[: max(0, stop - physical)])
        raise self._abort(stop, len(data))

    def _start(self, access: str, physical: int, size_bytes: int) -> None:
        if size_bytes < 0:
            raise ValueError(f"a transfer of {size_bytes} bytes")
        self._trace.emit("dma", access=access, physical=physical, size=size_bytes)

    def _first_bad(self, physical: int, size_bytes: int, *, write: bool) -> int | None:
        """The first address that the transfer can't reach; None if it reaches all."""
        end, at = physical + size_bytes, physical
        if physical < 0:
            return physical
        while at < end:
            if at >> self.address_bits or (write and at in BIOS_ROM):
                return at
            inside = [item for item in self._memory if at in item]
            if not inside:
                return at
            reach = min(inside[0].end, 1 << self.address_bits)
            at = min(reach, BIOS_ROM.start) if write and at < BIOS_ROM.start else reach
        return None

    def _abort(self, physical: int, size_bytes: int) -> DmaError:
        self._trace.emit("bus_error", physical=physical, size=size_bytes)
        if physical < 0 or physical >> self.address_bits:
            return DmaError(physical, expected=f"an address of {self.address_bits} bits")
        return DmaError(physical, expected="memory")
