"""Bulldog as its overview describes it: before bitmap and boot loader's tables, with guard pages.

::

    0xFFFF_8000_0000_0000  direct map, at the boot loader's offset
    0xFFFF_9000_0000_0000  heap, 1 MiB
    0xFFFF_FFFF_8000_0000  kernel image
    0xFFFF_FFFF_C000_0000  guarded stacks

The boot loader enters the image where it loaded it, in an identity map of low memory; the jump to
the higher half is the kernel's own (BO-2, BO-3).
"""

from typing import Final

from kernel_sim.profiles.profile import Profile

DOUBLE_FAULT: Final = 8

PROFILE: Final = Profile(
    name="bulldog-early",
    machine="boot512",
    entry_point="low",
    steps=(
        "console",
        "idt",
        "memmap",
        "pmm",
        "paging",
        "jump_to_higher_half",
        "high_idt",
        "drop_identity_map",
        "heap",
        "guard",
        "gdt_init",
        "selftests",
    ),
    roles={
        "memmap": "bulldog_memmap",
        "pmm": "bulldog_early_pmm",
        "paging": "bulldog_early_paging",
        "heap": "bulldog_early_heap",
        "guard": "bulldog_early_guard",
        "boot": "bulldog_early_kernel_init",
    },
    step_roles={
        "memmap": "memmap",
        "pmm": "pmm",
        "paging": "paging",
        "heap": "heap",
        "guard": "guard",
    },
    config={
        "heap_start": 0xFFFF_9000_0000_0000,
        "heap_max_end": 0xFFFF_9000_0010_0000,
        "guard": True,
        "guard_start": 0xFFFF_FFFF_C000_0000,
        "guard_end": 0xFFFF_FFFF_D000_0000,
        "kernel_stack_bytes": 0x1_9000,
        "large_pages": False,
    },
    interrupt_stacks={DOUBLE_FAULT: 1},
)
