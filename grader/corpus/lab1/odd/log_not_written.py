# concept: not-written
# check: boot-log
# expected_score: 75
"""Tasks 1 to 4 are done, the log is not."""

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
    raise NotImplementedError()  # YOUR CODE HERE
