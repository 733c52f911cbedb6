# concept: overlap-dropped
# check: order-overlap
# expected_score: 66.33
"""Does not trust an entry that overlaps an earlier one."""

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
    table = []
    for r in regions:
        end = r.base + r.length
        if all(end <= t.base or t.base + t.length <= r.base for t in table):
            table.append(r)
    return sorted(table, key=lambda t: t.base)


@hookimpl
def parse_memory_map(kernel, boot_info):
    regions = []
    for i in range(boot_info.count):
        at = boot_info.table + i * boot_info.entry_size
        base = kernel.cpu.load(at, 8)
        length = kernel.cpu.load(at + 8, 8)
        number = kernel.cpu.load(at + 16, 4)
        if boot_info.entry_size >= 24 and not kernel.cpu.load(at + 20, 4) & 1:
            continue
        length = min(length, 2**64 - base)
        if length == 0:
            continue
        regions.append(MemoryRegion(base, length, classify(number), number))
    return resolve(regions)


@hookimpl
def describe_region(kernel, region):
    return f"Base: {region.base:#018x}, Length: {region.length:#018x}, Type: {region.kind.name}"
