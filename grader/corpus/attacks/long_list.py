# attack: return half a million regions
# wall: the limit on a message, and the clock
# kind: resource
# expected_score: 2
"""Return half a million regions."""

from kernel_sim import MemoryRegion, RegionKind

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    return [MemoryRegion(0, 4096, RegionKind.AVAILABLE, 1)] * 500_000
