"""GDT and TSS with three interrupt stacks, numbered as the processor does (MS-U4, C12).

::

    IST 1  NMI_STACK  non-maskable interrupt     IST 2  DF_STACK  double fault
    IST 3  MC_STACK   machine check              each 32 KiB
    RSP0   ENTRY_STACK  what interrupts a user program

References: Intel SDM vol. 3A, 6.14.5 (IST), 7.7 (64-bit TSS).
"""

import struct
from typing import TYPE_CHECKING, Final

from kernel_sim.machine.descriptors import code_segment, data_segment, tss_segment
from kernel_sim_cyrius.layout import static

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

KERNEL_CODE: Final = 0x08
KERNEL_DATA: Final = 0x10
TSS_SELECTOR: Final = 0x18
STACKS: Final = ("NMI_STACK", "DF_STACK", "MC_STACK")
_TSS: Final = struct.Struct("<4x3Q8x7Q8x2xH")


def init(kernel: "Kernel") -> None:
    """Write TSS and GDT; load GDT, segments and task register."""
    cpu, symbols = kernel.cpu, kernel.boot_info.symbols
    tops = [static(kernel, name).end & ~0xF for name in STACKS] + [0] * (7 - len(STACKS))
    entry = static(kernel, "ENTRY_STACK").end & ~0xF
    cpu.write(symbols["tss"], _TSS.pack(entry, 0, 0, *tops, _TSS.size))
    gdt = (
        bytes(8) + code_segment(long=True) + data_segment() + tss_segment(symbols["tss"], long=True)
    )
    cpu.write(symbols["gdt"], gdt)
    cpu.lgdt(symbols["gdt"], len(gdt) - 1)
    cpu.load_segment("cs", KERNEL_CODE)
    for register in ("ds", "es", "ss"):
        cpu.load_segment(register, KERNEL_DATA)
    cpu.ltr(TSS_SELECTOR)
