"""Where Theseus keeps what, and the flags of its page-table entries (TH-1 to TH-6).

::

    0xFFFF_FFFF_B000_0000  KERNEL_HEAP_BASE, 1 MiB                            permanent heap
    0xFFFF_FFFF_A000_0000  TEMP_HEAP_VIRTUAL_BASE, the loader's frames        until the heap above
    0xFFFF_FFFF_9000_0000  FRAMEBUFFER_VIRTUAL_BASE
    0xFFFF_FFFF_8000_0000  KERNEL_VIRTUAL_BASE, the image; an absent page above
    0xFFFF_FFFF_7FFF_0000  a window of 64 KiB, mapped; an absent page below     (C13)
    0xFFFF_FFFE_0000_0000  TEMP_WINDOW_VA, one page, mapped for a moment
    0xFFFF_FF88_0000_0000  HANDOFF_VIRTUAL_BASE, handoff block and memory map
    0xFFFF_8000_0000_0000  PHYS_OFFSET: 1 GiB of memory, LAPIC and IOAPIC behind it
    0x0000_0000_0000_0000  [0, 1 GiB) to itself, for the transition

    bss + 0x00000  KERNEL_STACK  64 KiB
        + 0x10000  IST stacks of double fault, NMI, machine check and page fault, 64 KiB each
"""

from typing import TYPE_CHECKING, Final

from kernel_sim.addr import HUGE_PAGE_SIZE, ONE_MIB
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import AddrRange

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

IDENTITY_BYTES: Final = HUGE_PAGE_SIZE
"""1 GiB (TH-1)."""
KERNEL_VIRTUAL_BASE: Final = 0xFFFF_FFFF_8000_0000
LOW_WINDOW_BYTES: Final = 0x1_0000
FRAMEBUFFER_VIRTUAL_BASE: Final = 0xFFFF_FFFF_9000_0000
TEMP_HEAP_VIRTUAL_BASE: Final = 0xFFFF_FFFF_A000_0000
KERNEL_HEAP_BASE: Final = 0xFFFF_FFFF_B000_0000
KERNEL_HEAP_BYTES: Final = ONE_MIB
TEMP_WINDOW_VA: Final = 0xFFFF_FFFE_0000_0000
HANDOFF_VIRTUAL_BASE: Final = 0xFFFF_FF88_0000_0000
PHYS_OFFSET: Final = 0xFFFF_8000_0000_0000
BROAD_WINDOW_BYTES: Final = HUGE_PAGE_SIZE
"""What PHYS_OFFSET shows with MAP_LEGACY_PHYS_OFFSET_1GIB."""
LEAN_WINDOW_BYTES: Final = 64 * ONE_MIB
"""What it shows without (C15)."""
LAPIC: Final = 0xFEE0_0000
IOAPIC: Final = 0xFEC0_0000
MMIO_BYTES: Final = ONE_MIB
KERNEL_HALF: Final = PHYS_OFFSET

PTE_PRESENT: Final = PageTableFlags.PRESENT
PTE_WRITABLE: Final = PageTableFlags.WRITABLE
PTE_USER: Final = PageTableFlags.USER_ACCESSIBLE
PTE_PWT: Final = PageTableFlags.WRITE_THROUGH
PTE_PCD: Final = PageTableFlags.NO_CACHE
PTE_PS: Final = PageTableFlags.HUGE_PAGE
PTE_GLOBAL: Final = PageTableFlags.GLOBAL
PTE_NO_EXEC: Final = PageTableFlags.NO_EXECUTE

CODE_AND_DATA: Final = PTE_PRESENT | PTE_WRITABLE | PTE_GLOBAL
DATA: Final = PTE_PRESENT | PTE_WRITABLE | PTE_NO_EXEC
WINDOW: Final = DATA | PTE_GLOBAL
MMIO: Final = CODE_AND_DATA | PTE_PCD | PTE_PWT

STACK_BYTES: Final = 0x1_0000
KERNEL_STACK: Final = "KERNEL_STACK"
IST_STACKS: Final = ("DOUBLE_FAULT", "NMI", "MACHINE_CHECK", "PAGE_FAULT")
"""In the order of Theseus's indices, 0 to 3; in a gate the number is one more (C12)."""


def stack(kernel: "Kernel", name: str) -> AddrRange:
    """The static stack ``name`` where the image is linked, 64 KiB."""
    index = (KERNEL_STACK, *IST_STACKS).index(name)
    start = kernel.cpu.symbols["bss"] + index * STACK_BYTES
    return AddrRange(start, start + STACK_BYTES)
