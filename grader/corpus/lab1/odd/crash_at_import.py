# concept: load
# check: regions-pc128
# expected_score: 0
"""Does not even load."""

from kernel_sim import MemoryRegion, RegionKind, hookimpl


TABLE = [0] * (1 / 0)


@hookimpl
def parse_memory_map(kernel, boot_info):
    return []
