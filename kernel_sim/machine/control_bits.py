"""Bits of the control registers, of EFER and of RFLAGS, at their positions.

References: Intel SDM vol. 3A, 2.5 (control registers); vol. 4 (IA32_EFER, IA32_APIC_BASE);
vol. 1, 3.4.3 (EFLAGS).
"""

from typing import Final

CR0_PE: Final = 1 << 0
CR0_WP: Final = 1 << 16
CR0_PG: Final = 1 << 31

CR4_PSE: Final = 1 << 4
CR4_PAE: Final = 1 << 5
CR4_PGE: Final = 1 << 7
CR4_LA57: Final = 1 << 12
CR4_SMEP: Final = 1 << 20
CR4_SMAP: Final = 1 << 21
CR4_KNOWN: Final = CR4_PSE | CR4_PAE | CR4_PGE | CR4_LA57 | CR4_SMEP | CR4_SMAP
CR4_FLUSHING: Final = CR4_KNOWN
"""Bits whose change invalidates the whole TLB."""

EFER_LME: Final = 1 << 8
EFER_LMA: Final = 1 << 10
EFER_NXE: Final = 1 << 11
EFER_KNOWN: Final = EFER_LME | EFER_LMA | EFER_NXE

MSR_APIC_BASE: Final = 0x1B
MSR_EFER: Final = 0xC000_0080
APIC_BASE_BSP: Final = 1 << 8
APIC_BASE_AT_RESET: Final = 0xFEE0_0900
"""LAPIC at 0xFEE00000, enabled (bit 11), bootstrap processor (bit 8)."""

FLAG_FIXED: Final = 1 << 1
FLAG_IF: Final = 1 << 9
FLAG_NT: Final = 1 << 14
FLAG_AC: Final = 1 << 18
