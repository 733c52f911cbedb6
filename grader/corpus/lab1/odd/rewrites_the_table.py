# concept: crash
# check: regions-pc128
# expected_score: 0
"""Writes to an address that no machine has."""

from kernel_sim import MemoryRegion, RegionKind, hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    kernel.cpu.store(boot_info.table, 3, 0)
    return []


@hookimpl
def describe_region(kernel, region):
    return f"Base: {region.base:#018x}, Length: {region.length:#018x}, Type: {region.kind.name}"
