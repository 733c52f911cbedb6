# concept: sys-exit
# check: regions-pc128
# expected_score: 0
"""Leaves when it is done."""

import sys

from kernel_sim import MemoryRegion, RegionKind, hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    sys.exit(0)


@hookimpl
def describe_region(kernel, region):
    return f"Base: {region.base:#018x}, Length: {region.length:#018x}, Type: {region.kind.name}"
