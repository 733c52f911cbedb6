"""Static data of the image: lock words, free-list heads, interrupt stacks.

::

    bss + 0x0000  FRAME_LOCK      8 bytes, 1 while held
        + 0x0008  HEAP_LOCK       8
        + 0x0010  TABLE_LOCK      8
        + 0x0018  MANAGER         8, not 0 once `manager.init` has run
        + 0x0100  FREE_LISTS    256, first free block of each of 32 orders
        + 0x1000  NMI_STACK     32 KiB, interrupt stack 1
        + 0x9000  DF_STACK      32 KiB, interrupt stack 2
        + 0x11000 MC_STACK      32 KiB, interrupt stack 3            (MS-U4)
        + 0x19000 ENTRY_STACK   32 KiB, where an exception in user code enters the kernel

The direct map lies at the boot loader's offset, and the heap in it: no page is mapped for it.
"""

from typing import TYPE_CHECKING, Final

from kernel_sim.values import AddrRange

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

WORDS_BYTES: Final = 0x1000
"""Locks and list heads, cleared before their first use."""
STACK_BYTES: Final = 0x8000
_STATICS: Final = {
    "FRAME_LOCK": (0x0, 8),
    "HEAP_LOCK": (0x8, 8),
    "TABLE_LOCK": (0x10, 8),
    "MANAGER": (0x18, 8),
    "FREE_LISTS": (0x100, 256),
    "NMI_STACK": (0x1000, STACK_BYTES),
    "DF_STACK": (0x9000, STACK_BYTES),
    "MC_STACK": (0x1_1000, STACK_BYTES),
    "ENTRY_STACK": (0x1_9000, STACK_BYTES),
}


def static(kernel: "Kernel", name: str) -> AddrRange:
    """The virtual range of the static ``name`` in the table above."""
    offset, size = _STATICS[name]
    start = kernel.boot_info.symbols["bss"] + offset
    return AddrRange(start, start + size)


def clear_statics(kernel: "Kernel") -> None:
    """Set locks and list heads to 0; memory is not clean when the machine starts."""
    kernel.cpu.fill(kernel.boot_info.symbols["bss"], WORDS_BYTES, 0)
