# concept: loop
# check: regions-pc128
# expected_score: 0
"""Never comes back."""

from kernel_sim import MemoryRegion, RegionKind, hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    i = 0
    regions = []
    while i < boot_info.count:
        base = kernel.cpu.load(boot_info.table + 24 * i, 8)
    return regions


@hookimpl
def describe_region(kernel, region):
    return f"Base: {region.base:#018x}, Length: {region.length:#018x}, Type: {region.kind.name}"
