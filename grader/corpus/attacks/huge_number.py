# attack: return a number of a million digits
# wall: values are rebuilt from plain data by a schema, and ranges
# kind: resource
# expected_score: 2
"""Return a number of a million digits."""

from kernel_sim import MemoryRegion, RegionKind

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    region = MemoryRegion(0, 4096, RegionKind.AVAILABLE, 1)
    object.__setattr__(region, "base", 1 << 4_000_000)
    return [region]
