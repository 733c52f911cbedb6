"""Kernel-V Phase 3: 32-bit paging, and the spine of the course.

::

    0x00000000  identity map of [0, physical_limit)
    0xc1000000  heap, 16 MiB                          (KV-U6)
    0xc2000000  guarded regions, 16 MiB               the kernel stack among them
    0xfec00000  IOAPIC        0xfee00000  LAPIC
"""

from typing import Final

from kernel_sim.profiles.profile import Extra, Profile

QUIRKS: Final = {
    "outward_rounding": "a frame that is available in part counts as usable (KV-U2)",
    "search_bound": "frames numbered from the count of usable frames on are never found (KV-U4)",
    "free_unchecked": "any frame can be freed at any time, and the counters follow (KV-U4)",
    "null_page_mapped": "page 0 is mapped, so that a null pointer reads and writes (KV-U5, KV-U8)",
    "decimal_behind_0x": "the boot screen shows decimal numbers behind 0x (KV-U8)",
}

PROFILE: Final = Profile(
    name="kernel-v",
    quirks=QUIRKS,
    machine="pc128",
    steps=("console", "idt", "gdt_tss", "memmap", "pmm", "paging", "heap", "guard", "selftests"),
    roles={
        "memmap": "kernel_v_memmap",
        "pmm": "kernel_v_pmm",
        "paging": "kernel_v_paging",
        "heap": "kernel_v_heap",
        "guard": "kernel_v_guard",
    },
    step_roles={
        "memmap": "memmap",
        "pmm": "pmm",
        "paging": "paging",
        "heap": "heap",
        "guard": "guard",
    },
    extras=(
        Extra("kernel_v_pager", "demand_paging", "heap"),
        Extra("kernel_v_memviz", "memviz", "guard", part_of="guard"),
        Extra("kernel_v_refcounts", "refcounts", "guard", part_of="guard"),
        Extra("kernel_v_faultlog", "faultlog", "guard", part_of="guard"),
        Extra("kernel_v_tags", "tags", "guard", part_of="guard"),
    ),
    config={
        "heap_start": 0xC100_0000,
        "heap_max_end": 0xC200_0000,
        "guard_start": 0xC200_0000,
        "guard_end": 0xC300_0000,
        "kernel_stack_bytes": 0xF000,
        "guard": True,
        "faultlog": True,
        "memviz": True,
        "refcounts": True,
        "tags": True,
    },
)
