"""GDT and TSS: three descriptors, and two stacks that interrupts may count on (BD-25 to BD-29).

::

    gdt      0x00 null   0x08 kernel code   0x10 kernel data   0x18 TSS (16 bytes)
    tss      +4   RSP0..RSP2      0: nothing enters the kernel from outside
             +36  IST1            top of STACK         double fault           Bulldog's index 0
             +44  IST2            top of LAPIC_STACK   timer and page fault   Bulldog's index 1
             +102 I/O map base    beyond the limit

A processor numbers these stacks from 1, and a gate that says 0 takes none (C12): what Bulldog calls
index n is IST n + 1. At each interrupt the processor reads the pointer and starts at that top. So
the stacks must never move, and a page fault in the timer's handler overwrites the timer's frame.

References: Intel SDM vol. 3A, 6.14.5 (IST), 7.7 (64-bit TSS).
"""

import struct
from typing import TYPE_CHECKING, Final

from kernel_sim.machine.descriptors import code_segment, data_segment, tss_segment
from kernel_sim_bulldog.layout import static

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

KERNEL_CODE: Final = 0x08
KERNEL_DATA: Final = 0x10
TSS_SELECTOR: Final = 0x18
INTERRUPT_STACKS: Final = ("STACK", "LAPIC_STACK")
"""The static stacks behind Bulldog's indices 0 and 1."""
_TSS: Final = struct.Struct("<4x3Q8x7Q8x2xH")


def interrupt_stack_top(kernel: "Kernel", index: int) -> int:
    """One past the highest byte of stack ``index`` (Bulldog's number); a multiple of 16."""
    return static(kernel, INTERRUPT_STACKS[index]).end & ~0xF


def init(kernel: "Kernel") -> None:
    """Write TSS and GDT; load the GDT, then CS, DS, ES and SS, then the TSS (BD-29)."""
    cpu, symbols = kernel.cpu, kernel.boot_info.symbols
    tops = [interrupt_stack_top(kernel, index) for index in range(len(INTERRUPT_STACKS))]
    tops += [0] * (7 - len(tops))
    cpu.write(symbols["tss"], _TSS.pack(0, 0, 0, *tops, _TSS.size))
    tss = tss_segment(symbols["tss"], long=True)
    gdt = bytes(8) + code_segment(long=True) + data_segment() + tss
    cpu.write(symbols["gdt"], gdt)
    cpu.lgdt(symbols["gdt"], len(gdt) - 1)
    cpu.load_segment("cs", KERNEL_CODE)
    for register in ("ds", "es", "ss"):
        cpu.load_segment(register, KERNEL_DATA)
    cpu.ltr(TSS_SELECTOR)
