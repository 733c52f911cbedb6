# concept: stride
# check: robustness
# expected_score: 86.33
"""Takes the entries to be 24 bytes long, always."""

import struct

from kernel_sim import MemoryRegion, RegionKind, hookimpl

WORDS = ["Available", "ACPI reclaimable", "ACPI NVS", "Persistent", "Reserved", "Unusable"]
MAX_ADDRESS = 0xFFFFFFFFFFFFFFFF


def kind_of(t):
    if t == 1:
        return RegionKind.AVAILABLE
    elif t == 3:
        return RegionKind.ACPI_RECLAIMABLE
    elif t == 4:
        return RegionKind.ACPI_NVS
    elif t == 5:
        return RegionKind.UNUSABLE
    else:
        return RegionKind.RESERVED


def put(table, base, end, kind, t):
    """Put one range into the sorted table, cutting whatever is there already."""
    new = []
    at = base
    for b, e, k, old in table:
        if e <= base or b >= end:
            new.append((b, e, k, old))
            continue
        if b < base:
            new.append((b, base, k, old))
        lo, hi = max(b, base), min(e, end)
        if at < lo:
            new.append((at, lo, kind, t))
        if kind > k:
            new.append((lo, hi, kind, t))
        else:
            new.append((lo, hi, k, old))
        at = hi
        if e > end:
            new.append((end, e, k, old))
    if at < end:
        new.append((at, end, kind, t))
    return sorted(new)


@hookimpl
def parse_memory_map(kernel, boot_info):
    table = []
    for i in range(boot_info.count):
        raw = kernel.cpu.read(boot_info.table + i * 24, boot_info.entry_size)
        base, length, t = struct.unpack_from("<QQI", raw)
        if boot_info.entry_size == 24:
            flags = struct.unpack_from("<I", raw, 20)[0]
            if flags & 1 == 0:
                continue
        end = base + length
        if end > MAX_ADDRESS + 1:
            end = MAX_ADDRESS + 1
        if base == end:
            continue
        table = put(table, base, end, kind_of(t), t)
    return [MemoryRegion(b, e - b, k, t) for b, e, k, t in table]


@hookimpl
def describe_region(kernel, region):
    word = WORDS[int(region.kind)]
    return "0x%016X  0x%016X  %s" % (region.base, region.length, word)
