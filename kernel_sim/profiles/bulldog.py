"""Bulldog as it is today: 64-bit, started by a boot loader with a direct map.

::

    0xFFFF_8000_0000_0000  direct map, at the boot loader's offset
    0xFFFF_9000_0000_0000  heap
    0xFFFF_FF00_0000_0000  local APIC
    0xFFFF_FFFF_8000_0000  kernel image with its static interrupt stacks
    0xFFFF_FFFF_C000_0000  boot stack

The role guard is empty: guard pages are planned (BD-27).
"""

from typing import Final

from kernel_sim.profiles.profile import Profile

DOUBLE_FAULT: Final = 8
PAGE_FAULT: Final = 14
LAPIC_TIMER: Final = 0x31
INTERRUPT_STACK_INDEX: Final = {DOUBLE_FAULT: 0, PAGE_FAULT: 1, LAPIC_TIMER: 1}
"""Vector → the number that Bulldog's own table has (BD-25). In a gate it is one more (C12)."""

DOCUMENTED: Final = (
    "console",
    "mask_pics",
    "memmap",
    "init_offset_page_table",
    "init_temp",
    "map_lapic_mmio",
    "gdt_init",
    "idt",
    "setup_apic",
    "frame_allocator",
    "init_heap",
    "enable_interrupts",
    "selftests",
)
"""The order of the document (BD-30, C7)."""
UPSTREAM: Final = (
    "console",
    "mask_pics",
    "init_offset_page_table",
    "memmap",
    "init_temp",
    "init_heap",
    "frame_allocator",
    "gdt_init",
    "idt",
    "map_lapic_mmio",
    "setup_apic",
    "enable_interrupts",
    "selftests",
)
"""The order of the code that the document describes (BD-U1)."""

QUIRKS: Final = {
    "init_temp_ignores_kind": "the array takes any described frame from 64 KiB on (BD-U2)",
    "bitmap_not_consulted": "a frame is handed out whether or not its bit is set (BD-U2)",
    "heap_in_lower_half": "the heap lies at 0x4444_4444_0000, where user space belongs (BD-U3)",
}

PROFILE: Final = Profile(
    name="bulldog",
    quirks=QUIRKS,
    machine="boot512",
    steps=DOCUMENTED,
    roles={
        "memmap": "bulldog_memmap",
        "pmm": "bulldog_pmm",
        "paging": "bulldog_paging",
        "heap": "bulldog_heap",
        "boot": "bulldog_kernel_init",
    },
    step_roles={
        "memmap": "memmap",
        "init_offset_page_table": "paging",
        "init_temp": "pmm",
        "init_heap": "heap",
    },
    config={
        "boot_sequence": "documented",
        "heap_start": 0xFFFF_9000_0000_0000,
        "heap_max_end": None,
    },
    sequences={"documented": DOCUMENTED, "upstream": UPSTREAM},
    interrupt_stacks={vector: index + 1 for vector, index in INTERRUPT_STACK_INDEX.items()},
)
