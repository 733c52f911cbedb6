"""The processor as a plugin meets it: memory, control registers, stack, segments, ports."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from kernel_sim.errors import KernelError
from kernel_sim.machine.descriptors import TSS_AVAILABLE
from kernel_sim.machine.devices.bus import Bus
from kernel_sim.machine.exceptions import CpuException, Vector, general_protection
from kernel_sim.machine.mmu import Mmu
from kernel_sim.machine.traps import TableRegister, TaskRegister, TrapUnit
from kernel_sim.trace import Trace
from kernel_sim.values import AddrRange

SYMBOL_BYTES: Final = 0x40
"""Code that a symbol without an address of its own is given."""


class Cpu(TrapUnit):
    """One x86 processor. Everything that a plugin does to memory goes through it."""

    def __init__(self, bus: Bus, mmu: Mmu, trace: Trace) -> None:
        super().__init__(bus, mmu, trace)
        self.symbols: dict[str, int] = {}
        self.text = AddrRange(0, 0)
        self._ports: dict[int, int] = {}

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

    # --- stack ------------------------------------------------------------------------------------------------------

    def push(self, value: int) -> None:
        """Push a word: 4 bytes, 8 in 64-bit mode. A fault leaves sp as it was."""
        self.store(self.sp - self.word, self.word, value)
        self.sp -= self.word

    def pop(self) -> int:
        """Pop a word."""
        return self._pop()

    @contextmanager
    def frame(self, symbol: str | int, locals_bytes: int = 0) -> Iterator[int]:
        """Enter a function: push the return address and bp, reserve the locals; yields their lowest address.

        ::

            bp + word   return address
            bp          the caller's bp
            bp - n      locals  <- sp

        The way back reads bp and the return address from memory, as the processor does. Locals round up to words.
        """
        saved = self._registers()
        self.push(self.ip)
        self.push(self.bp)
        self.bp = self.sp
        self.sp -= -(-locals_bytes // self.word) * self.word
        self.ip = self.symbol(symbol) if isinstance(symbol, str) else symbol
        try:
            yield self.sp
        except Exception:
            self._restore(saved)
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
        saved, cr3 = self._registers(), self.cr3
        if root is not None and root != cr3:
            self.cr3 = root
        self._set_cpl(3)
        try:
            yield
        except BaseException:
            self._restore(saved)
            if self.cr3 != cr3:
                self.switch_root(cr3)
            raise
        self._set_cpl(0)
        if self.cr3 != cr3:
            self.cr3 = cr3

    # --- descriptor tables ------------------------------------------------------------------------------------------

    def lgdt(self, base: int, limit: int) -> None:
        """Load GDTR: linear base, and the offset of the table's last byte."""
        self.execute(self.require_kernel)
        self.trace.emit("control", operation="lgdt", base=base, limit=limit)
        self.gdtr = TableRegister(base, limit)

    def lidt(self, base: int, limit: int) -> None:
        """Load IDTR: linear base, and the offset of the table's last byte."""
        self.execute(self.require_kernel)
        self.trace.emit("control", operation="lidt", base=base, limit=limit)
        self.idtr = TableRegister(base, limit)

    def ltr(self, selector: int) -> None:
        """Load TR with the available TSS at ``selector`` and mark it busy; #GP or #NP if there is none."""
        self.execute(lambda: self._load_task_register(selector))

    def _load_task_register(self, selector: int) -> None:
        self.require_kernel()
        segment = self.segment(selector)
        if not segment.system or segment.type != TSS_AVAILABLE:
            raise general_protection(f"LTR: {selector:#x} is no available TSS", selector & ~3)
        self._system_write(self.gdtr.base + (selector & ~7) + 5, b"\x8b")
        self.trace.emit("control", operation="ltr", selector=selector, base=segment.base)
        self.tr = TaskRegister(selector, segment.base)

    def load_segment(self, name: str, selector: int) -> None:
        """Load CS (a far jump), DS, ES or SS; the GDT must hold a fitting segment at ``selector``."""
        self.execute(lambda: self._load_segment(name, selector))

    def _load_segment(self, name: str, selector: int) -> None:
        if name not in self.segments:
            raise ValueError(f"segment register {name!r}; expected cs, ds, es or ss")
        null_allowed = name in {"ds", "es"} or (name == "ss" and self._long)
        if selector & ~3 or not null_allowed:
            segment = self.segment(selector)
            if segment.system or segment.code != (name == "cs"):
                raise general_protection(f"{selector:#x} does not fit {name}", selector & ~3)
        self.trace.emit("control", operation="segment", register=name, selector=selector)
        self.segments[name] = selector

    # --- ports ------------------------------------------------------------------------------------------------------

    def inb(self, port: int) -> int:
        """The byte that was last written to ``port``, 0xFF if none was."""
        self.execute(self.require_kernel)
        return self._ports.get(port, 0xFF)

    def outb(self, port: int, value: int) -> None:
        """Write a byte to ``port``; recorded as an ``mmio`` event."""
        self.execute(self.require_kernel)
        if not (0 <= port < 0x1_0000 and 0 <= value < 0x100):
            raise ValueError(f"outb {port:#x}, {value:#x}; expected a 16-bit port and a byte")
        self.trace.emit("mmio", access="out", port=port, value=value)
        self._ports[port] = value

    # --- software interrupts ----------------------------------------------------------------------------------------

    def interrupt(self, vector: Vector, error_code: int | None = None) -> None:
        """Raise an exception as an instruction would, for tests of handlers and of double faults."""
        self.deliver(CpuException(vector, error_code))
