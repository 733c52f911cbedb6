"""What the overview plans, and the lab in which each of it is built (BO-15, BO-17)."""

from typing import Final

FUTURE: Final = {
    "guard pages at the edges of the heap": "Lab 5",
    "bitmap-based allocator": "Lab 2",
    "large-page support": "Lab E3",
    "NUMA awareness": "Lab E9",
    "per-CPU frame caches": "Lab E8",
    "slab allocator": "Lab E7",
    "leak detection": "Lab E10",
    "allocation profiling": "Lab E10",
    "DMA buffers": "Lab E14",
    "per-process page tables": "Lab E11",
    "user stacks and heaps": "Lab E11",
    "copy-on-write": "Lab E12",
    "memory-mapped files": "Lab E13",
    "shared memory segments": "Lab E13",
}
"""Feature → lab. Large pages can be had for the direct map alone, by a setting (C4)."""
