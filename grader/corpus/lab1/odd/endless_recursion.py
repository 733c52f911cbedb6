# concept: crash
# check: regions-pc128
# expected_score: 0
"""Calls itself."""

from kernel_sim import MemoryRegion, RegionKind, hookimpl


def read(kernel, at):
    return read(kernel, at + 24)


@hookimpl
def parse_memory_map(kernel, boot_info):
    return read(kernel, boot_info.table)


@hookimpl
def describe_region(kernel, region):
    return f"Base: {region.base:#018x}, Length: {region.length:#018x}, Type: {region.kind.name}"
