# concept: crash
# check: regions-pc128
# expected_score: 0
"""Asks for something that the kernel does not have."""

from kernel_sim import MemoryRegion, RegionKind, hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    return kernel.memory.regions


@hookimpl
def describe_region(kernel, region):
    return f"Base: {region.base:#018x}, Length: {region.length:#018x}, Type: {region.kind.name}"
