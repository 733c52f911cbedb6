# attack: describe a region in forty megabytes
# wall: the limit on a message, and the budget
# kind: resource
# expected_score: 2
"""Describe a region in forty megabytes."""

from kernel_sim import MemoryRegion, RegionKind

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    return [MemoryRegion(0, 4096, RegionKind.AVAILABLE, 1)]


@hookimpl
def describe_region(kernel, region):
    return "x" * (40 << 20)
