# concept: none
# check: all
# expected_score: 90
"""Regions of a class of its own, painted from the least to the most restrictive kind."""

from kernel_sim import RegionKind, hookimpl


class Region:
    def __init__(self, base, end, kind):
        self.base = base
        self.end = end
        self.kind = kind

    @property
    def length(self):
        return self.end - self.base


KINDS = [
    ("available", RegionKind.AVAILABLE, {1}),
    ("ACPI reclaimable", RegionKind.ACPI_RECLAIMABLE, {3}),
    ("ACPI NVS", RegionKind.ACPI_NVS, {4}),
    ("reserved", RegionKind.RESERVED, None),
    ("unusable", RegionKind.UNUSABLE, {5}),
]
ALL_KNOWN = {1, 3, 4, 5}


def paint(canvas, base, end, kind):
    """Everything in [base, end) becomes ``kind``; what was there before is painted over."""
    kept = []
    for region in canvas:
        if region.base < base:
            kept.append(Region(region.base, min(region.end, base), region.kind))
        if region.end > end:
            kept.append(Region(max(region.base, end), region.end, region.kind))
    kept.append(Region(base, end, kind))
    return kept


@hookimpl
def parse_memory_map(boot_info, kernel):
    load = kernel.cpu.load
    entries = []
    for at in range(
        boot_info.table,
        boot_info.table + boot_info.count * boot_info.entry_size,
        boot_info.entry_size,
    ):
        if boot_info.entry_size == 20 or load(at + 20, 1) % 2:
            entries.append((load(at, 8), load(at + 8, 8), load(at + 16, 4)))
    canvas = []
    for _, kind, types in KINDS:
        for base, length, number in entries:
            mine = number in types if types else number not in ALL_KNOWN
            if mine and length:
                canvas = paint(canvas, base, min(base + length, 2**64), kind)
    return sorted(canvas, key=lambda region: region.base)


@hookimpl
def describe_region(region):
    word = next((word for word, kind, _ in KINDS if kind == region.kind), "reserved")
    return f"{hex(region.base)} has {hex(region.length)} bytes, {word}"
