"""The processor's registers, and how an instruction that faults is carried out again."""

from collections.abc import Callable
from dataclasses import dataclass

from kernel_sim.errors import FaultLoop
from kernel_sim.machine.control_bits import (
    CR0_PE,
    CR0_PG,
    CR0_WP,
    CR4_LA57,
    CR4_PAE,
    EFER_LMA,
    EFER_LME,
    FLAG_AC,
    FLAG_FIXED,
)
from kernel_sim.machine.control_checks import ControlState
from kernel_sim.machine.devices.bus import Bus
from kernel_sim.machine.exceptions import CpuException, general_protection
from kernel_sim.machine.load_store import FAULT_LIMIT, LoadStoreUnit
from kernel_sim.machine.mmu import Mmu
from kernel_sim.machine.paging_modes import FIVE_LEVEL, FOUR_LEVEL, LEGACY_32, PAE, PagingMode
from kernel_sim.trace import Trace


@dataclass(frozen=True, slots=True)
class TableRegister:
    """GDTR or IDTR: linear base, and the offset of the table's last byte."""

    base: int
    limit: int


@dataclass(frozen=True, slots=True)
class TaskRegister:
    """TR: the selector (0: not loaded) and where the TSS lies."""

    selector: int
    base: int


@dataclass(frozen=True, slots=True)
class SavedRegisters:
    """What unwinding puts back."""

    ip: int
    sp: int
    bp: int
    flags: int
    cpl: int
    cr3: int
    cs: int
    ss: int
    tr: TaskRegister


class RegisterUnit(LoadStoreUnit):
    """Registers with the state that follows from them: paging mode, CPL and the MMU's settings."""

    def __init__(self, bus: Bus, mmu: Mmu, trace: Trace) -> None:
        super().__init__(bus, mmu, trace)
        self.ip = 0
        self.sp = 0
        self.bp = 0
        self.flags = FLAG_FIXED
        self.cr2 = 0
        self.segments = {"cs": 0, "ds": 0, "es": 0, "ss": 0}
        self.gdtr = TableRegister(0, 0)
        self.idtr = TableRegister(0, 0)
        self.tr = TaskRegister(0, 0)
        self.mode: PagingMode | None = None
        self._cr0 = CR0_PE | CR0_WP
        self._cr3 = 0
        self._cr4 = 0
        self._efer = 0
        self.reconfigure()

    @property
    def long(self) -> bool:
        """Whether the processor is in 64-bit mode (EFER.LMA)."""
        return self._long

    @property
    def word(self) -> int:
        """Bytes that a push takes: 4, or 8 in 64-bit mode."""
        return 8 if self._long else 4

    def reconfigure(self) -> None:
        """Work out the paging mode from the control registers and tell the MMU."""
        self._long = bool(self._efer & EFER_LMA)
        if not self.paging:
            self.mode = None
        elif self._long:
            self.mode = FIVE_LEVEL if self._cr4 & CR4_LA57 else FOUR_LEVEL
        else:
            self.mode = PAE if self._cr4 & CR4_PAE else LEGACY_32
        self.mmu.root = self._cr3 & ~0xFFF
        wp = bool(self._cr0 & CR0_WP)
        self.mmu.configure(self.mode, wp=wp, cr4=self._cr4, efer=self._efer)
        self.forget_fast_path()

    def control_state(self) -> ControlState:
        """The state that decides whether a control register may be written."""
        return ControlState(self._cr4, self._efer, self.paging, self._long, self.mmu.physical_bits)

    def switch_root(self, value: int) -> None:
        """Take ``value`` as CR3 and flush what is not global, without any check."""
        self._cr3 = value
        self.tlb.flush_non_global()
        self.reconfigure()

    def set_flags(self, flags: int) -> None:
        """Load RFLAGS; AC decides whether supervisor accesses pass SMAP."""
        self.flags = flags
        if self.ac != bool(flags & FLAG_AC):
            self.ac = bool(flags & FLAG_AC)
            self.forget_fast_path()

    def set_cpl(self, cpl: int) -> None:
        """Change the privilege level."""
        if cpl != self.cpl:
            self.cpl = cpl
            self.forget_fast_path()

    def save(self) -> SavedRegisters:
        """The registers that `restore` puts back."""
        return SavedRegisters(
            ip=self.ip,
            sp=self.sp,
            bp=self.bp,
            flags=self.flags,
            cpl=self.cpl,
            cr3=self._cr3,
            cs=self.segments["cs"],
            ss=self.segments["ss"],
            tr=self.tr,
        )

    def restore(self, saved: SavedRegisters) -> None:
        """Unwind to ``saved`` without touching memory, after an exception left simulated code."""
        self.ip, self.sp, self.bp, self.tr = saved.ip, saved.sp, saved.bp, saved.tr
        self.segments["cs"], self.segments["ss"] = saved.cs, saved.ss
        self.set_cpl(saved.cpl)
        self.set_flags(saved.flags)
        if self._cr3 != saved.cr3:
            self.switch_root(saved.cr3)

    def put_back(self, register: object, old: object) -> None:
        """Give a register the value that a trace event holds as its old one.

        `reconfigure` has to follow when the last one is back.
        """
        match register, old:
            case "cr0", int():
                self._cr0 = old
                self.paging = bool(old & CR0_PG)
                self._efer &= ~EFER_LMA
                if self.paging and self._efer & EFER_LME:
                    self._efer |= EFER_LMA
            case "cr3", int():
                self._cr3 = old
            case "cr4", int():
                self._cr4 = old
            case 0xC000_0080, int():
                self._efer = old
            case "gdtr", (int(base), int(limit)):
                self.gdtr = TableRegister(base, limit)
            case "idtr", (int(base), int(limit)):
                self.idtr = TableRegister(base, limit)
            case "tr", (int(selector), int(base)):
                self.tr = TaskRegister(selector, base)
            case str(name), int() if name in self.segments:
                self.segments[name] = old

    def execute(self, instruction: Callable[[], None]) -> None:
        """Carry out an instruction; if it faults, deliver the exception and do it again.

        Raises:
            FaultLoop: it faulted eight times.
        """
        for _ in range(FAULT_LIMIT):
            try:
                return instruction()
            except CpuException as exception:
                last = exception
            self.deliver(last)
        raise FaultLoop(f"{FAULT_LIMIT} equal faults: {last.why}", self.post_mortem(last))

    def require_kernel(self) -> None:
        """Refuse a privileged instruction at CPL 3.

        Raises:
            CpuException: #GP.
        """
        if self.cpl:
            raise general_protection(f"a privileged instruction at CPL {self.cpl}")

    def snapshot(self) -> dict[str, object]:
        """All registers as plain data, for reports."""
        return {
            "ip": self.ip,
            "sp": self.sp,
            "bp": self.bp,
            "flags": self.flags,
            "cpl": self.cpl,
            **self.segments,
            "cr0": self._cr0,
            "cr2": self.cr2,
            "cr3": self._cr3,
            "cr4": self._cr4,
            "efer": self._efer,
            "gdtr": [self.gdtr.base, self.gdtr.limit],
            "idtr": [self.idtr.base, self.idtr.limit],
            "tr": self.tr.selector,
        }
