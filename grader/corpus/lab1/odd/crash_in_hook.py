# concept: crash
# check: regions-pc128
# expected_score: 0
"""Raises on every machine."""

from kernel_sim import MemoryRegion, RegionKind, hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    entries = []
    return [MemoryRegion(0, entries[boot_info.count], RegionKind.AVAILABLE)]


@hookimpl
def describe_region(kernel, region):
    return f"Base: {region.base:#018x}, Length: {region.length:#018x}, Type: {region.kind.name}"
