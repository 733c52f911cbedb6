# concept: hard-coded
# check: classes
# expected_score: 25
"""Returns what the example machine has."""

from kernel_sim import MemoryRegion, RegionKind, hookimpl

TYPES = {
    1: RegionKind.AVAILABLE,
    2: RegionKind.RESERVED,
    3: RegionKind.ACPI_RECLAIMABLE,
    4: RegionKind.ACPI_NVS,
    5: RegionKind.UNUSABLE,
}


def classify(number):
    return TYPES.get(number, RegionKind.RESERVED)


def resolve(regions):
    edges = sorted({e for r in regions for e in (r.base, r.base + r.length)})
    table = []
    for start, end in zip(edges, edges[1:]):
        over = [r for r in regions if r.base <= start < r.base + r.length]
        if over:
            winner = max(over, key=lambda r: r.kind)
            table.append(MemoryRegion(start, end - start, winner.kind, winner.type))
    return table


@hookimpl
def parse_memory_map(kernel, boot_info):
    return [
        MemoryRegion(0x0, 0x9FC00, RegionKind.AVAILABLE, 1),
        MemoryRegion(0x9FC00, 0x400, RegionKind.RESERVED, 2),
        MemoryRegion(0xF0000, 0x10000, RegionKind.RESERVED, 2),
        MemoryRegion(0x100000, 0x7EE0000, RegionKind.AVAILABLE, 1),
        MemoryRegion(0x7FE0000, 0x20000, RegionKind.RESERVED, 2),
        MemoryRegion(0xFFFC0000, 0x40000, RegionKind.RESERVED, 2),
    ]


@hookimpl
def describe_region(kernel, region):
    return f"Base: {region.base:#018x}, Length: {region.length:#018x}, Type: {region.kind.name}"
