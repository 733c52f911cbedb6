"""Writing control registers: flushes, and the probe that follows a change of paging.

References: Intel SDM vol. 3A, 2.5, 4.1.2 (mode switching), 4.10.4 (invalidation).
"""

from kernel_sim.errors import MachineStopped
from kernel_sim.machine.control_bits import (
    APIC_BASE_AT_RESET,
    APIC_BASE_BSP,
    CR0_PG,
    CR4_FLUSHING,
    CR4_PAE,
    EFER_LMA,
    EFER_LME,
    FLAG_AC,
    FLAG_IF,
    MSR_APIC_BASE,
    MSR_EFER,
)
from kernel_sim.machine.control_checks import check_cr0, check_cr3, check_cr4, check_efer
from kernel_sim.machine.devices.bus import Bus
from kernel_sim.machine.exceptions import CpuException, general_protection
from kernel_sim.machine.load_store import FETCH, WRITE
from kernel_sim.machine.mmu import Mmu
from kernel_sim.machine.paging_modes import PAE
from kernel_sim.machine.registers import RegisterUnit
from kernel_sim.trace import Trace


class ControlUnit(RegisterUnit):
    """The registers that decide how memory is reached. Writing one is privileged and may fault."""

    def __init__(self, bus: Bus, mmu: Mmu, trace: Trace) -> None:
        super().__init__(bus, mmu, trace)
        self._apic_base = APIC_BASE_AT_RESET

    @property
    def cr0(self) -> int:
        """CR0: PE (0), WP (16), PG (31). Setting PG is followed by a fetch at ip and a push."""
        return self._cr0

    @cr0.setter
    def cr0(self, value: int) -> None:
        code = self._code_address()
        was_on = self.paging
        self.execute(lambda: self._write_cr0(value))
        if self.paging and not was_on:
            self._probe(code)

    @property
    def cr3(self) -> int:
        """CR3: the physical address of the root table, and flag bits below bit 12.

        A write with paging on is followed by a fetch at ip and a push.
        """
        return self._cr3

    @cr3.setter
    def cr3(self, value: int) -> None:
        code = self._code_address()
        self.execute(lambda: self._write_cr3(value))
        if self.paging:
            self._probe(code)

    @property
    def cr4(self) -> int:
        """CR4: PSE (4), PAE (5), PGE (7), LA57 (12), SMEP (20), SMAP (21)."""
        return self._cr4

    @cr4.setter
    def cr4(self, value: int) -> None:
        self.execute(lambda: self._write_cr4(value))

    @property
    def efer(self) -> int:
        """EFER: LME (8), LMA (10), NXE (11)."""
        return self._efer

    @efer.setter
    def efer(self, value: int) -> None:
        self.wrmsr(MSR_EFER, value)

    def rdmsr(self, msr: int) -> int:
        """The model-specific register ``msr``: EFER (0xC0000080) or APIC base (0x1B); else #GP."""
        found: list[int] = []
        self.execute(lambda: found.append(self._read_msr(msr)))
        return found[0]

    def wrmsr(self, msr: int, value: int) -> None:
        """Write the model-specific register ``msr``; #GP if unknown or the value is forbidden."""
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
        self.execute(self.require_kernel)
        self.set_flags(self.flags | FLAG_AC)

    def clac(self) -> None:
        """Clear RFLAGS.AC."""
        self.execute(self.require_kernel)
        self.set_flags(self.flags & ~FLAG_AC)

    def hand_over(self, *, cr4: int, cr3: int = 0, efer: int = 0, bootstrap: bool = True) -> None:
        """Take the control bits that the firmware set before the trace began.

        With EFER.LMA in ``efer`` the processor is handed over in long mode, paging on. One
        processor is the ``bootstrap`` processor; its APIC base register says so.
        """
        if not bootstrap:
            self._apic_base &= ~APIC_BASE_BSP
        self._cr4, self._cr3, self._efer = cr4, cr3, efer
        if efer & EFER_LMA:
            self._cr0 |= CR0_PG
            self.paging = True
        self.reconfigure()

    # --- the instructions, which may fault -----------------------------------------------------

    def _write_cr0(self, value: int) -> None:
        self.require_kernel()
        check_cr0(value, self.control_state())
        turn_on = bool(value & CR0_PG) and not self.paging
        if turn_on and self._cr4 & CR4_PAE and not self._efer & EFER_LME:
            self.mmu.load_pdptes(self._cr3)
        self._note_register("cr0", self._cr0, value)
        if (value ^ self._cr0) & CR0_PG:
            self.tlb.flush()
        self._cr0 = value
        self.paging = bool(value & CR0_PG)
        if turn_on and self._efer & EFER_LME:
            self._efer |= EFER_LMA
        self.reconfigure()

    def _write_cr3(self, value: int) -> None:
        self.require_kernel()
        check_cr3(value, self.control_state())
        if self.mode is PAE:
            self.mmu.load_pdptes(value)
        self._note_register("cr3", self._cr3, value)
        self.switch_root(value)

    def _write_cr4(self, value: int) -> None:
        self.require_kernel()
        check_cr4(value, self.control_state())
        changed = value ^ self._cr4
        if self.paging and not self._long and changed & value & CR4_PAE:
            self.mmu.load_pdptes(self._cr3)
        self._note_register("cr4", self._cr4, value)
        self._cr4 = value
        if changed & CR4_FLUSHING:
            self.tlb.flush()
        self.reconfigure()

    def _read_msr(self, msr: int) -> int:
        self.require_kernel()
        if msr == MSR_EFER:
            return self._efer
        if msr == MSR_APIC_BASE:
            return self._apic_base
        raise general_protection(f"model-specific register {msr:#x} does not exist")

    def _write_msr(self, msr: int, value: int) -> None:
        old = self._read_msr(msr)
        if msr == MSR_EFER:
            check_efer(value, self.control_state())
            self._efer = value & ~EFER_LMA | old & EFER_LMA
        else:
            self._apic_base = value
        self.trace.emit("control", operation="wrmsr", register=msr, old=old, new=value)
        self.reconfigure()

    def _invlpg(self, address: int) -> None:
        self.require_kernel()
        self.trace.emit("control", operation="invlpg", address=address)
        self.invalidate(address)

    def _note_register(self, name: str, old: int, new: int) -> None:
        self.trace.emit("control", operation="mov", register=name, old=old, new=new)

    # --- the probe -----------------------------------------------------------------------------

    def _code_address(self) -> int | None:
        """The physical address that the instruction pointer leads to now, None if nowhere."""
        try:
            return self.physical(self.ip, FETCH[0])
        except CpuException:
            return None

    def _probe(self, code: int | None) -> None:
        """Fetch at ip and push at sp, as the next instructions do after paging changed.

        Raises:
            MachineStopped: ip now leads to other bytes than before.
        """
        physical = self.resolve(self.ip, FETCH[0])
        self.resolve(self.sp - self.word, WRITE[0])
        if code is not None and physical != code:
            raise MachineStopped(
                f"execution went on in foreign bytes: {self.ip:#x} led to {code:#x}, "
                f"now it leads to {physical:#x}",
                self.post_mortem(),
            )
