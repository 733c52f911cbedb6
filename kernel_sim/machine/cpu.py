"""The processor as a plugin meets it: memory, control registers, stack, segments, ports."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from kernel_sim.errors import KernelError
from kernel_sim.machine.devices.bus import Bus
from kernel_sim.machine.devices.ports import Ports
from kernel_sim.machine.mmio import MmioUnit
from kernel_sim.machine.mmu import Mmu
from kernel_sim.trace import Trace
from kernel_sim.values import AddrRange

SYMBOL_BYTES: Final = 0x40
"""Code that a symbol without an address of its own is given."""


class Cpu(MmioUnit):
    """One x86 processor. Everything that a plugin does to memory goes through it."""

    def __init__(self, bus: Bus, mmu: Mmu, trace: Trace) -> None:
        super().__init__(bus, mmu, trace)
        self.symbols: dict[str, int] = {}
        self.text = AddrRange(0, 0)
        self.ports = Ports()

    def start(self, *, text: AddrRange, symbols: dict[str, int], ip: int, sp: int) -> None:
        """Take the state in which the firmware hands over.

        Args:
            text: where `symbol` places names that it does not know.
            symbols: name → linear address of what the kernel image holds.
            ip: the entry point.
            sp: the top of the boot stack.
        """
        self.text = text
        self.symbols = symbols
        self.ip = ip
        self.sp = sp
        self.bp = sp

    # --- stack -----------------------------------------------------------------------------------

    def push(self, value: int) -> None:
        """Push a word: 4 bytes, 8 in 64-bit mode. A fault leaves sp as it was."""
        self.store(self.sp - self.word, self.word, value)
        self.sp -= self.word

    @contextmanager
    def frame(self, symbol: str | int, locals_bytes: int = 0) -> Iterator[int]:
        """Enter a function: push the return address and bp, reserve locals; yields their address.

        ::

            bp + word   return address
            bp          the caller's bp
            bp - n      locals  <- sp

        The way back reads bp and the return address from memory, as the processor does. Locals
        round up to words.
        """
        saved = self.save()
        self.push(self.ip)
        self.push(self.bp)
        self.bp = self.sp
        self.sp -= -(-locals_bytes // self.word) * self.word
        self.ip = self.symbol(symbol) if isinstance(symbol, str) else symbol
        try:
            yield self.sp
        except Exception:
            self.restore(saved)
            raise
        self.sp = self.bp
        self.bp = self.pop()
        self.ip = self.pop()

    def symbol(self, name: str) -> int:
        """The address of ``name`` in the kernel image; an unknown one is given the next free code.

        Raises:
            KernelError: the image has no room for one more.
        """
        address = self.symbols.get(name)
        if address is None:
            used = [value for value in self.symbols.values() if value in self.text]
            address = max(used, default=self.text.start - SYMBOL_BYTES) + SYMBOL_BYTES
            if address not in self.text:
                raise KernelError(address, expected=f"room for symbol {name} in {self.text}")
            self.symbols[name] = address
        return address

    @contextmanager
    def user(self, root: int | None = None) -> Iterator[None]:
        """Run at CPL 3, in the address space at ``root`` if one is given."""
        saved = self.save()
        if root is not None and root != saved.cr3:
            self.cr3 = root
        self.set_cpl(3)
        try:
            yield
        except BaseException:
            self.restore(saved)
            raise
        self.set_cpl(saved.cpl)
        if self.cr3 != saved.cr3:
            self.cr3 = saved.cr3

    # --- ports -----------------------------------------------------------------------------------

    def inb(self, port: int) -> int:
        """The byte that was last written to ``port``, 0xFF if none was."""
        self.execute(self.require_kernel)
        return self.ports.load(port)

    def outb(self, port: int, value: int) -> None:
        """Write a byte to ``port``; recorded as an ``mmio`` event."""
        self.execute(self.require_kernel)
        self.ports.store(port, value)
        self.trace.emit("mmio", access="out", port=port, value=value)
