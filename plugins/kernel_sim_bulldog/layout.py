"""Where Bulldog keeps what: the higher half, and the static data of the image (BD-1, BD-26).

::

    0xFFFF_FFFF_C000_0000  boot stack, an unmapped page below it      made by the boot loader
    0xFFFF_FFFF_8000_0000  kernel image, its static data              made by the boot loader
    0xFFFF_FF00_0000_0000  LAPIC_VIRT_BASE, one page                  map_lapic_mmio
    0xFFFF_9000_0000_0000  kernel heap                                init_heap
    physical_memory_offset direct map, usually 0xFFFF_8000_0000_0000  made by the boot loader
    below                  nothing: user space is not implemented

    bss + 0x00000  FRAME_BITMAP      32 KiB, 1 bit for each of 262,144 frames
        + 0x08000  STACK            128 KiB, interrupt stack 0: double fault
        + 0x28000  LAPIC_STACK      128 KiB, interrupt stack 1: timer and page fault
        + 0x48000  PRE_HEAP_FRAMES    4 KiB, 512 entries of 8 bytes

Stacks grow down and nothing lies unmapped between these: what overflows ``STACK`` writes into the
bitmap, what overflows ``LAPIC_STACK`` into ``STACK`` (BD-27).
"""

from typing import TYPE_CHECKING, Final

from kernel_sim.values import AddrRange

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

KERNEL_SPACE: Final = 0xFFFF_8000_0000_0000
"""Kernel space runs from here to the end of the address space."""
LAPIC_VIRT_BASE: Final = 0xFFFF_FF00_0000_0000
LAPIC_PHYS_BASE: Final = 0xFEE0_0000
STACK_BYTES: Final = 0x2_0000
FRAME_BITMAP_BYTES: Final = 0x8000
PRE_HEAP_FRAMES_BYTES: Final = 0x1000

_OFFSETS: Final = {
    "FRAME_BITMAP": (0x0_0000, FRAME_BITMAP_BYTES),
    "STACK": (0x0_8000, STACK_BYTES),
    "LAPIC_STACK": (0x2_8000, STACK_BYTES),
    "PRE_HEAP_FRAMES": (0x4_8000, PRE_HEAP_FRAMES_BYTES),
}


def static(kernel: "Kernel", name: str) -> AddrRange:
    """The virtual range of the static ``name`` in the table above."""
    offset, size = _OFFSETS[name]
    start = kernel.boot_info.symbols["bss"] + offset
    return AddrRange(start, start + size)


def physical_of_static(kernel: "Kernel", address: int) -> int:
    """Where the boot loader put the byte of the image that is mapped at ``address``."""
    return address - kernel.boot_info.symbols["kernel_main"] + kernel.boot_info.kernel.start
