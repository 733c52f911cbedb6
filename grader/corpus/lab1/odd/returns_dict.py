# concept: wrong-type
# check: regions-pc128
# expected_score: 0
"""Returns a dict."""

from kernel_sim import MemoryRegion, RegionKind, hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    return {0: MemoryRegion(0, 0x9FC00, RegionKind.AVAILABLE)}


@hookimpl
def describe_region(kernel, region):
    return f"Base: {region.base:#018x}, Length: {region.length:#018x}, Type: {region.kind.name}"
