"""What the processor refuses to have written to a control register, as #GP(0).

References: Intel SDM vol. 2, MOV to control register and WRMSR; vol. 3A, 4.1.2.
"""

from dataclasses import dataclass

from kernel_sim.machine.control_bits import (
    CR0_PE,
    CR0_PG,
    CR4_KNOWN,
    CR4_LA57,
    CR4_PAE,
    EFER_KNOWN,
    EFER_LME,
)
from kernel_sim.machine.exceptions import general_protection


@dataclass(frozen=True, slots=True)
class ControlState:
    """The control registers as they are before the write."""

    cr4: int
    efer: int
    paging: bool
    long: bool
    physical_bits: int


def check_cr0(value: int, state: ControlState) -> None:
    """Refuse bits above 31, PG without PE, LME without PAE, and leaving 64-bit mode by PG.

    Raises:
        CpuException: #GP.
    """
    if not 0 <= value < 1 << 32:
        raise general_protection(f"CR0 = {value:#x} sets bits above 31")
    if value & CR0_PG and not value & CR0_PE:
        raise general_protection("CR0.PG without CR0.PE")
    turn_on = value & CR0_PG and not state.paging
    if turn_on and state.efer & EFER_LME and not state.cr4 & CR4_PAE:
        raise general_protection("paging with EFER.LME but without CR4.PAE")
    if state.long and not value & CR0_PG:
        raise general_protection("CR0.PG cleared in 64-bit mode")


def check_cr3(value: int, state: ControlState) -> None:
    """Refuse a root beyond the physical address space.

    Raises:
        CpuException: #GP.
    """
    if not 0 <= value < 1 << (state.physical_bits if state.long else 32):
        raise general_protection(f"CR3 = {value:#x} lies beyond the physical address space")


def check_cr4(value: int, state: ControlState) -> None:
    """Refuse reserved bits, and changes of the paging mode in 64-bit mode.

    Raises:
        CpuException: #GP.
    """
    if value & ~CR4_KNOWN:
        raise general_protection(f"CR4 = {value:#x} sets reserved bits")
    if state.long and (value ^ state.cr4) & CR4_LA57:
        raise general_protection("CR4.LA57 changed in 64-bit mode")
    if state.long and not value & CR4_PAE:
        raise general_protection("CR4.PAE cleared in 64-bit mode")


def check_efer(value: int, state: ControlState) -> None:
    """Refuse reserved bits, and a change of LME while paging is on.

    Raises:
        CpuException: #GP.
    """
    if value & ~EFER_KNOWN:
        raise general_protection(f"EFER = {value:#x} sets reserved bits")
    if state.paging and (value ^ state.efer) & EFER_LME:
        raise general_protection("EFER.LME changed while paging is on")
