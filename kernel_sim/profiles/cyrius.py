"""Cyrius: heap before frames, on a range that the boot loader has mapped.

::

    0x7000_0000_0000       user stacks, top down, in address spaces of their own   (MS-U4)
    0xFFFF_8000_0000_0000  direct map, at the boot loader's offset; the heap lies in it
    0xFFFF_FFFF_8000_0000  kernel image with its static interrupt stacks

The role guard is empty: the document knows no guard pages.
"""

from typing import Final

from kernel_sim.profiles.profile import Profile

NMI: Final = 2
DOUBLE_FAULT: Final = 8
MACHINE_CHECK: Final = 18

QUIRKS: Final = {
    "heap_takes_region": "the heap takes the whole of the largest usable region (MS-U1)",
    "duplicates_recycled": "a frame can be freed twice, and is then handed out twice (MS-U5)",
    "cleanup_locks_again": "freeing an empty table locks frames that are locked already (MS-U5)",
    "failed_map_keeps_tables": "a mapping that fails leaves the tables it has made (MS-U5)",
    "drop_frees_root_only": "a dropped address space leaks its lower tables (MS-U5)",
}

PROFILE: Final = Profile(
    name="cyrius",
    quirks=QUIRKS,
    machine="boot512",
    steps=(
        "console",
        "memmap",
        "clear_statics",
        "heap_on_region",
        "manager_init",
        "gdt_init",
        "idt",
        "timer",
        "selftests",
    ),
    roles={
        "memmap": "bulldog_memmap",
        "pmm": "cyrius_pmm",
        "paging": "cyrius_paging",
        "heap": "cyrius_heap",
        "boot": "cyrius_kernel_init",
    },
    step_roles={
        "memmap": "memmap",
        "heap_on_region": "heap",
        "manager_init": "pmm",
        "gdt_init": "paging",
    },
    config={"heap_bytes": 0x100_0000, "selftest_page": 0xFFFF_FF80_0000_0000},
    interrupt_stacks={NMI: 1, DOUBLE_FAULT: 2, MACHINE_CHECK: 3},
)
