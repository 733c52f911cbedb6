# attack: return regions that equal every other
# wall: values are rebuilt from plain data by a schema
# kind: forge
# expected_score: 2
"""Return regions that equal every other."""

from kernel_sim import MemoryRegion, RegionKind

from kernel_sim import hookimpl

class Same(MemoryRegion):
    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __hash__(self):
        return 0


@hookimpl
def parse_memory_map(kernel, boot_info):
    return [Same(0, 4096, RegionKind.AVAILABLE, 1)]
