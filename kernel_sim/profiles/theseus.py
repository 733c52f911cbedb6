"""TheseusOS: a 64-bit kernel that UEFI started, and that builds its address space in one go.

::

    0x0000_0000_0000_0000  identity map of [0, 1 GiB), less the image in the end
    0xFFFF_8000_0000_0000  PHYS_OFFSET
    0xFFFF_FFFF_8000_0000  kernel image; framebuffer, temporary and permanent heap above

The role guard is empty: the document has guard pages round the image alone, which are made with it.
"""

from typing import Final

from kernel_sim.profiles.profile import Profile

DOUBLE_FAULT, NMI, MACHINE_CHECK, PAGE_FAULT = 8, 2, 18, 14
INTERRUPT_STACK_INDEX: Final = {DOUBLE_FAULT: 0, NMI: 1, MACHINE_CHECK: 2, PAGE_FAULT: 3}
"""Vector → the number that Theseus's own table has (TH-U6). In a gate it is one more (C12)."""
QUIRKS: Final = {
    "align_down": "a region that begins within a frame gives that frame away (TH-U8)",
    "second_boot_allocator": "the bitmap gets its frames from the first region again (TH-U8)",
    "holes_are_free": "what no descriptor describes can be allocated (TH-U8)",
    "unmap_ignores_large": "unmapping 4 KiB of a 2 MiB page does nothing, silently (TH-U8)",
    "link_before_zero": "a table is linked before it is cleared (TH-U8)",
    "mask_keeps_nx": "translations of pages that can't be executed have bit 63 set (TH-U8)",
    "stacks_by_virtual_address": "the consumed log has the stacks where no memory is (TH-U8)",
    "leaf_flags_only": "rights are the last entry's; the levels above count for nothing (TH-U8)",
    "window_follows_physical": "the window is closed at its table's physical address (TH-U8)",
    "last_page_unchecked": "the last page of a range that begins within one is not checked (TH-U8)",
}

PROFILE: Final = Profile(
    name="theseus",
    machine="ovmf256",
    quirks=QUIRKS,
    steps=(
        "console",
        "mask_interrupts",
        "gdt_init",
        "memmap",
        "pmm",
        "paging",
        "idt",
        "jump_to_high_half",
        "high_idt",
        "refresh_ist",
        "lapic_test",
        "temp_heap",
        "heap",
        "persistent_allocator",
        "unmap_low_kernel",
        "selftests",
    ),
    roles={
        "memmap": "theseus_memmap",
        "pmm": "theseus_pmm",
        "paging": "theseus_paging",
        "heap": "theseus_heap",
        "boot": "theseus_kernel_init",
    },
    step_roles={"memmap": "memmap", "pmm": "pmm", "paging": "paging", "heap": "heap"},
    config={
        "heap_start": 0xFFFF_FFFF_B000_0000,
        "heap_max_end": 0xFFFF_FFFF_B010_0000,
        "map_legacy_phys_offset_1gib": True,
        "verbose": False,
    },
    interrupt_stacks={vector: index + 1 for vector, index in INTERRUPT_STACK_INDEX.items()},
)
