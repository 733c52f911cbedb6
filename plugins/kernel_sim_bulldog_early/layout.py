"""Where early Bulldog keeps what (BO-1, BO-4, BO-14); the addresses are settings of the profile.

::

    0xFFFF_FFFF_C000_0000  guarded stacks, an unmapped page below each    guard, gdt_init
    0xFFFF_FFFF_8000_0000  kernel image                                   init_paging
    0xFFFF_9000_0000_0000  kernel heap, 1 MiB                             heap_init
    DIRECT_MAP_OFFSET      all memory, usually at 0xFFFF_8000_0000_0000   init_paging
    ------------------------------------------------------------------------------------
    below                  user space, one day; until the jump to the higher half the boot
                           loader's identity map of low memory (BO-2, C5)

Every page of the upper part is the kernel's alone and global: MOV CR3 does not make the processor
forget it, as it is the same in every address space (BO-6).
"""

from typing import TYPE_CHECKING, Final

from kernel_sim.page_table import PageTableFlags

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

KERNEL_SPACE: Final = 0xFFFF_8000_0000_0000
"""Kernel space runs from here to the end of the address space."""
RIGHTS: Final = PageTableFlags.PRESENT | PageTableFlags.WRITABLE
DATA: Final = RIGHTS | PageTableFlags.NO_EXECUTE | PageTableFlags.GLOBAL
CODE: Final = PageTableFlags.PRESENT | PageTableFlags.GLOBAL
STUBS: Final = RIGHTS | PageTableFlags.GLOBAL
"""Interrupt stubs are written at boot, and executed."""


def direct_map_offset(kernel: "Kernel") -> int:
    """DIRECT_MAP_OFFSET, bytes: the boot loader's choice, which the kernel keeps (BO-4)."""
    return int(kernel.boot_info.physical_memory_offset or 0)


def phys_addr(kernel: "Kernel", virtual: int) -> int:
    """The physical address that the direct map shows at ``virtual``: the inverse (BO-4)."""
    return virtual - direct_map_offset(kernel)
