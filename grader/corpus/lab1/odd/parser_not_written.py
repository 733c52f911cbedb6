# concept: not-written
# check: regions-pc128
# expected_score: 0
"""Only the log is done."""

from kernel_sim import MemoryRegion, RegionKind, hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    raise NotImplementedError()  # YOUR CODE HERE


@hookimpl
def describe_region(kernel, region):
    return f"Base: {region.base:#018x}, Length: {region.length:#018x}, Type: {region.kind.name}"
