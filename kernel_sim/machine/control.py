"""Registers and control registers of the processor: checks, flushes and the probe that follows a change of paging.

References: Intel SDM vol. 3A, 2.5, 4.1.2 (mode switching), 4.10.4 (invalidation); vol. 2, MOV to control register.
"""

from collections.abc import Callable
from typing import Final

from kernel_sim.errors import FaultLoop, MachineStopped
from kernel_sim.machine.control_bits import (
    APIC_BASE_AT_RESET,
    CR0_PE,
    CR0_PG,
    CR0_WP,
    CR4_FLUSHING,
    CR4_KNOWN,
    CR4_LA57,
    CR4_PAE,
    EFER_KNOWN,
    EFER_LMA,
    EFER_LME,
    FLAG_AC,
    FLAG_FIXED,
    FLAG_IF,
    MSR_APIC_BASE,
    MSR_EFER,
)
from kernel_sim.machine.devices.bus import Bus
from kernel_sim.machine.exceptions import CpuException, general_protection
from kernel_sim.machine.load_store import FAULT_LIMIT, LoadStoreUnit
from kernel_sim.machine.mmu import Access, Mmu
from kernel_sim.machine.paging_modes import FIVE_LEVEL, FOUR_LEVEL, LEGACY_32, PAE, PagingMode
from kernel_sim.trace import Trace

_M32: Final = 0xFFFF_FFFF


class ControlUnit(LoadStoreUnit):
    """The registers that decide how memory is reached. Writing one is a privileged instruction: it may fault."""

    def __init__(self, bus: Bus, mmu: Mmu, trace: Trace) -> None:
        super().__init__(bus, mmu, trace)
        self.ip = 0
        self.sp = 0
        self.bp = 0
        self.flags = FLAG_FIXED
        self.cr2 = 0
        self.mode: PagingMode | None = None
        self._cr0 = CR0_PE | CR0_WP
        self._cr3 = 0
        self._cr4 = 0
        self._efer = 0
        self._apic_base = APIC_BASE_AT_RESET
        self._reconfigure()

    # --- reading ----------------------------------------------------------------------------------------------------

    @property
    def long(self) -> bool:
        """Whether the processor is in 64-bit mode (EFER.LMA)."""
        return self._long

    @property
    def word(self) -> int:
        """Bytes that a push takes: 4, or 8 in 64-bit mode."""
        return 8 if self._long else 4

    @property
    def cr0(self) -> int:
        """CR0: PE (0), WP (16), PG (31)."""
        return self._cr0

    @property
    def cr3(self) -> int:
        """CR3: the physical address of the root table, and flag bits below bit 12."""
        return self._cr3

    @property
    def cr4(self) -> int:
        """CR4: PSE (4), PAE (5), PGE (7), LA57 (12), SMEP (20), SMAP (21)."""
        return self._cr4

    @property
    def efer(self) -> int:
        """EFER: LME (8), LMA (10), NXE (11)."""
        return self._efer

    # --- writing ----------------------------------------------------------------------------------------------------

    @cr0.setter
    def cr0(self, value: int) -> None:
        code = self._code_frame()
        was_on = self.paging
        self.execute(lambda: self._write_cr0(value))
        if self.paging and not was_on:
            self._probe(code)

    @cr3.setter
    def cr3(self, value: int) -> None:
        code = self._code_frame()
        self.execute(lambda: self._write_cr3(value))
        if self.paging:
            self._probe(code)

    @cr4.setter
    def cr4(self, value: int) -> None:
        self.execute(lambda: self._write_cr4(value))

    @efer.setter
    def efer(self, value: int) -> None:
        self.wrmsr(MSR_EFER, value)

    def rdmsr(self, msr: int) -> int:
        """The model-specific register ``msr``: EFER (0xC0000080) or APIC base (0x1B); #GP for any other."""
        found: list[int] = []
        self.execute(lambda: found.append(self._read_msr(msr)))
        return found[0]

    def wrmsr(self, msr: int, value: int) -> None:
        """Write the model-specific register ``msr``; #GP for an unknown one or a forbidden value."""
        self.execute(lambda: self._write_msr(msr, value))

    def invlpg(self, address: int) -> None:
        """Invalidate the TLB entries of the page at the linear ``address``, global ones too."""
        self.execute(lambda: self._invlpg(address))

    def sti(self) -> None:
        """Set RFLAGS.IF."""
        self.execute(self.require_kernel)
        self.flags |= FLAG_IF

    def cli(self) -> None:
        """Clear RFLAGS.IF."""
        self.execute(self.require_kernel)
        self.flags &= ~FLAG_IF

    def stac(self) -> None:
        """Set RFLAGS.AC: supervisor accesses to user pages pass SMAP."""
        self._set_flags(self.flags | FLAG_AC)

    def clac(self) -> None:
        """Clear RFLAGS.AC."""
        self._set_flags(self.flags & ~FLAG_AC)

    def hand_over(self, *, cr4: int) -> None:
        """Take the control bits that the firmware set before the trace began."""
        self._cr4 = cr4
        self._reconfigure()

    # --- how ----------------------------------------------------------------------------------------------------------

    def execute(self, instruction: Callable[[], None]) -> None:
        """Carry out an instruction; if it faults, deliver the exception and do it again.

        Raises:
            FaultLoop: it faulted eight times for the same reason.
        """
        for _ in range(FAULT_LIMIT):
            try:
                return instruction()
            except CpuException as exception:
                self.deliver(exception)
                last = exception
        raise FaultLoop(f"{FAULT_LIMIT} equal faults: {last.why}", self.post_mortem(last))

    def require_kernel(self) -> None:
        """Refuse a privileged instruction at CPL 3.

        Raises:
            CpuException: #GP.
        """
        if self.cpl:
            raise general_protection(f"a privileged instruction at CPL {self.cpl}")

    def _write_cr0(self, value: int) -> None:
        self.require_kernel()
        if not 0 <= value <= _M32:
            raise general_protection(f"CR0 = {value:#x} sets bits above 31")
        turn_on = bool(value & CR0_PG) and not self.paging
        turn_off = self.paging and not value & CR0_PG
        if value & CR0_PG and not value & CR0_PE:
            raise general_protection("CR0.PG without CR0.PE")
        if turn_on and self._efer & EFER_LME and not self._cr4 & CR4_PAE:
            raise general_protection("paging with EFER.LME but without CR4.PAE")
        if turn_off and self._long:
            raise general_protection("CR0.PG cleared in 64-bit mode")
        if turn_on and self._cr4 & CR4_PAE and not self._efer & EFER_LME:
            self.mmu.load_pdptes(self._cr3)
        self._note_register("cr0", self._cr0, value)
        self._cr0 = value
        self.paging = bool(value & CR0_PG)
        if turn_on and self._efer & EFER_LME:
            self._efer |= EFER_LMA
        if turn_on or turn_off:
            self.tlb.flush()
        self._reconfigure()

    def _write_cr3(self, value: int) -> None:
        self.require_kernel()
        limit = 1 << (self.mmu.physical_bits if self._long else 32)
        if not 0 <= value < limit:
            raise general_protection(f"CR3 = {value:#x} lies beyond the physical address space")
        if self.mode is PAE:
            self.mmu.load_pdptes(value)
        self._note_register("cr3", self._cr3, value)
        self.switch_root(value)

    def switch_root(self, value: int) -> None:
        """Take ``value`` as CR3 and flush what is not global: MOV CR3 and a task switch, once checked."""
        self._cr3 = value
        self.tlb.flush_non_global()
        self._reconfigure()

    def _write_cr4(self, value: int) -> None:
        self.require_kernel()
        if value & ~CR4_KNOWN or value < 0:
            raise general_protection(f"CR4 = {value:#x} sets reserved bits")
        changed = value ^ self._cr4
        if self._long and changed & CR4_LA57:
            raise general_protection("CR4.LA57 changed in 64-bit mode")
        if self._long and not value & CR4_PAE:
            raise general_protection("CR4.PAE cleared in 64-bit mode")
        if self.paging and changed & CR4_PAE and value & CR4_PAE:
            self.mmu.load_pdptes(self._cr3)
        self._note_register("cr4", self._cr4, value)
        self._cr4 = value
        if changed & CR4_FLUSHING:
            self.tlb.flush()
        self._reconfigure()

    def _read_msr(self, msr: int) -> int:
        self.require_kernel()
        if msr == MSR_EFER:
            return self._efer
        if msr == MSR_APIC_BASE:
            return self._apic_base
        raise general_protection(f"RDMSR of unknown register {msr:#x}")

    def _write_msr(self, msr: int, value: int) -> None:
        self.require_kernel()
        old = self._read_msr(msr)
        if msr == MSR_EFER:
            if value & ~EFER_KNOWN or value < 0:
                raise general_protection(f"EFER = {value:#x} sets reserved bits")
            if self.paging and (value ^ old) & EFER_LME:
                raise general_protection("EFER.LME changed while paging is on")
            self._efer = value & ~EFER_LMA | old & EFER_LMA
        else:
            self._apic_base = value
        self.trace.emit("control", operation="wrmsr", register=msr, old=old, new=value)
        self._reconfigure()

    def _invlpg(self, address: int) -> None:
        self.require_kernel()
        self.trace.emit("control", operation="invlpg", address=address)
        self.invalidate(address)

    def _note_register(self, name: str, old: int, new: int) -> None:
        self.trace.emit("control", operation="mov", register=name, old=old, new=new)

    def _set_flags(self, flags: int) -> None:
        self.flags = flags
        if self.ac != bool(flags & FLAG_AC):
            self.ac = bool(flags & FLAG_AC)
            self.forget_fast_path()

    def _set_cpl(self, cpl: int) -> None:
        if cpl != self.cpl:
            self.cpl = cpl
            self.forget_fast_path()

    def _reconfigure(self) -> None:
        """Work out the paging mode and tell the MMU."""
        self._long = bool(self._efer & EFER_LMA)
        if not self.paging:
            self.mode = None
        elif self._long:
            self.mode = FIVE_LEVEL if self._cr4 & CR4_LA57 else FOUR_LEVEL
        else:
            self.mode = PAE if self._cr4 & CR4_PAE else LEGACY_32
        self.mmu.root = self._cr3 & ~0xFFF
        self.mmu.configure(self.mode, wp=bool(self._cr0 & CR0_WP), cr4=self._cr4, efer=self._efer)
        self.forget_fast_path()

    # --- the probe --------------------------------------------------------------------------------------------------

    def _code_frame(self) -> int | None:
        """The physical address that the instruction pointer leads to now, None if nowhere."""
        try:
            return self.physical(self.ip, Access(fetch=True))
        except CpuException:
            return None

    def _probe(self, code: int | None) -> None:
        """Fetch at ip and push at sp, as the next instructions do after paging changed.

        Raises:
            MachineStopped: ip now leads to other bytes than before.
        """
        physical = self.resolve(self.ip, Access(fetch=True))
        self.resolve(self.sp - self.word, Access(write=True))
        if code is not None and physical != code:
            raise MachineStopped(
                f"execution went on in foreign bytes: {self.ip:#x} led to {code:#x}, "
                f"now it leads to {physical:#x}",
                self.post_mortem(),
            )
