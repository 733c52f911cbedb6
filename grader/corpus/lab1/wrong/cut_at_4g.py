# concept: above-4g
# check: wide-addresses
# expected_score: 75
"""Cuts everything at 4 GiB."""

from collections import namedtuple

from kernel_sim import MemoryRegion, RegionKind as K, hookimpl

Entry = namedtuple("Entry", "base length type attr")


def read_entries(cpu, info):
    out = []
    addr = info.table
    for _ in range(info.count):
        attr = cpu.load(addr + 20, 4) if info.entry_size > 20 else 1
        out.append(Entry(cpu.load(addr, 8), cpu.load(addr + 8, 8), cpu.load(addr + 16, 4), attr))
        addr += info.entry_size
    return out


def wanted(e):
    return e.attr & 1 and e.length > 0 and e.base < 1 << 32


def kind(e):
    known = {1: K.AVAILABLE, 2: K.RESERVED, 3: K.ACPI_RECLAIMABLE, 4: K.ACPI_NVS, 5: K.UNUSABLE}
    known.update({7: K.PERSISTENT, 12: K.PERSISTENT})
    return known.get(e.type, K.UNUSABLE)


def sweep(entries):
    """Walk over all starts and ends and remember what is open."""
    events = []
    for e in entries:
        end = min(e.base + e.length, 1 << 32)
        events.append((e.base, 1, kind(e)))
        events.append((end, 0, kind(e)))
    events.sort()
    open_now = []
    pieces = []
    last = 0
    for where, is_start, k in events:
        if open_now and where > last:
            pieces.append([last, where, max(open_now)])
        if is_start:
            open_now.append(k)
        else:
            open_now.remove(k)
        last = where
    return pieces


def join(pieces):
    out = []
    for start, end, k in pieces:
        if out and out[-1][1] == start and out[-1][2] == k:
            out[-1][1] = end
        else:
            out.append([start, end, k])
    return out


@hookimpl
def parse_memory_map(kernel, boot_info):
    entries = [e for e in read_entries(kernel.cpu, boot_info) if wanted(e)]
    return [MemoryRegion(s, e - s, k) for s, e, k in join(sweep(entries))]


@hookimpl
def describe_region(kernel, region):
    names = {
        K.AVAILABLE: "Available",
        K.RESERVED: "Reserved",
        K.ACPI_RECLAIMABLE: "ACPI (reclaimable)",
        K.ACPI_NVS: "ACPI (NVS)",
        K.PERSISTENT: "Persistent",
        K.UNUSABLE: "Unusable",
    }
    return "base 0x{:016x} length 0x{:016x} {}".format(
        region.base, region.length, names[region.kind]
    )
