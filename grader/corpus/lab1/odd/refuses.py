# concept: refused
# check: regions-pc128
# expected_score: 0
"""Raises the kernel's own error."""

from kernel_sim import MemoryRegion, RegionKind, hookimpl
from kernel_sim.errors import KernelError


@hookimpl
def parse_memory_map(kernel, boot_info):
    raise KernelError(boot_info.table, expected="a better table")


@hookimpl
def describe_region(kernel, region):
    return f"Base: {region.base:#018x}, Length: {region.length:#018x}, Type: {region.kind.name}"
