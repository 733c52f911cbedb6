# attack: return numbers that no schema allows, so that the check fails instead of the plugin
# wall: values are rebuilt from plain data by a schema, and ranges
# kind: forge
# expected_score: 2
"""Return numbers that no schema allows, so that the check fails instead of the plugin."""

from kernel_sim import MemoryRegion, RegionKind

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    region = MemoryRegion(0, 4096, RegionKind.AVAILABLE, 1)
    for name, value in (("base", -1), ("length", float("nan")), ("type", "\ud800"), ("kind", 77)):
        object.__setattr__(region, name, value)
    return [region]
