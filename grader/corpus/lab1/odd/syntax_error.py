# concept: load
# check: regions-pc128
# expected_score: 0
"""A colon is missing."""

from kernel_sim import MemoryRegion, RegionKind, hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info)
    return []
