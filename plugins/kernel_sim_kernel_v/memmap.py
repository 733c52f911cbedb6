"""Memory map: the firmware's e820 table becomes the memory descriptor table (KV-1 to KV-8).

The firmware leaves an array of entries in memory and tells their address, count and stride::

    offset  0               8               16      20      24
            | base          | length        | type  | attr  |     all little-endian
                                                      bit 0: the entry is valid (ACPI 3.0)

A 20-byte entry lacks the attribute word. Nothing else about the table can be trusted: entries come
in any order, overlap, are empty, or run past 2^64. `parse_memory_map` sweeps over the boundaries of
all entries and keeps the most restrictive kind at each point::

    entries   AAAAAAAAAAAAAA          A  available
                     RRRRRRRRRR       R  reserved
    result    AAAAAAARRRRRRRRRR

References: ACPI 6.5, 15.3 and 15.4 (the call and its table).
"""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from kernel_sim.addr import U64_LIMIT
from kernel_sim.errors import KernelError
from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.needs import Needs
from kernel_sim.host.quirks import has_quirk
from kernel_sim.values import BootInfo, MemoryRegion, RegionKind, SelfTestResult

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

SHORT_ENTRY: Final = 20
"""Bytes of an entry without the attribute word."""
LONG_ENTRY: Final = 24
VALID: Final = 1 << 0
"""Attribute bit 0: without it the firmware asks to ignore the entry."""

CAPACITY: Final = 512
"""Rows of the descriptor table. An e820 map has 5 to 30, an EFI map up to about 250."""

KINDS: Final = {
    1: RegionKind.AVAILABLE,
    2: RegionKind.RESERVED,
    3: RegionKind.ACPI_RECLAIMABLE,
    4: RegionKind.ACPI_NVS,
    5: RegionKind.UNUSABLE,
    7: RegionKind.PERSISTENT,
    12: RegionKind.PERSISTENT,
}
"""What a type number means. Any other number is RESERVED: never use what you don't know (KV-4)."""

WORDS: Final = {
    RegionKind.AVAILABLE: "Available",
    RegionKind.ACPI_RECLAIMABLE: "ACPI Reclaimable",
    RegionKind.ACPI_NVS: "ACPI NVS",
    RegionKind.PERSISTENT: "Persistent",
    RegionKind.RESERVED: "Reserved",
    RegionKind.UNUSABLE: "Unusable",
}


needs = Needs(firmware="e820")


class Entry(NamedTuple):
    """One entry as a half-open range with its class; ordered by restriction first, then by type."""

    start: int
    end: int
    kind: RegionKind
    type: int


class Segment(NamedTuple):
    """A stretch between two boundaries, with the kind and type that won there."""

    start: int
    end: int
    grade: tuple[RegionKind, int]


@hookimpl
def parse_memory_map(kernel: "Kernel", boot_info: BootInfo) -> list[MemoryRegion]:
    """The descriptor table: sorted, disjoint, adjacent equals merged, at most `CAPACITY` rows.

    Raises:
        KernelError: the stride is too small to hold an entry.
    """
    if boot_info.entry_size < SHORT_ENTRY:
        raise KernelError(boot_info.entry_size, expected=f"a stride of {SHORT_ENTRY} or more bytes")
    entries = list(_read_entries(kernel, boot_info))
    regions = [
        MemoryRegion(start, end - start, kind, number)
        for start, end, (kind, number) in _merged(_swept(entries))
    ]
    kernel.log("memory_map", entries=boot_info.count, regions=len(regions))
    return _fitted(kernel, regions)


@hookimpl
def describe_region(kernel: "Kernel", region: MemoryRegion) -> str:
    """One boot line of at most 78 columns: 64-bit base and length in hexadecimal, decoded type."""
    if has_quirk(kernel, "decimal_behind_0x"):
        return f"Base: 0x{region.base}, Length: 0x{region.length}, Type: {WORDS[region.kind]}"
    return f"Base: {region.base:#018x}, Length: {region.length:#018x}, Type: {WORDS[region.kind]}"


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """Is the table the rest of the kernel sees sorted, disjoint and of some use (KV-43)?"""
    regions = kernel.regions
    ordered = all(a.end <= b.base for a, b in pairwise(regions))
    available = sum(r.length for r in regions if r.kind is RegionKind.AVAILABLE)
    detail = f"{len(regions)} regions, {available:#x} bytes available"
    return SelfTestResult("memmap", ordered and available > 0, detail)


def _read_entries(kernel: "Kernel", boot_info: BootInfo) -> Iterator[Entry]:
    """The entries that describe at least one byte, cut at 2^64."""
    for address in range(
        boot_info.table,
        boot_info.table + boot_info.count * boot_info.entry_size,
        boot_info.entry_size,
    ):
        base = kernel.cpu.load(address, 8)
        length = kernel.cpu.load(address + 8, 8)
        number = kernel.cpu.load(address + 16, 4)
        valid = boot_info.entry_size < LONG_ENTRY or kernel.cpu.load(address + 20, 4) & VALID
        kernel.log("memory_map_entry", base=base, length=length, type=number, valid=bool(valid))
        if valid and length:
            kind = KINDS.get(number, RegionKind.RESERVED)
            yield Entry(base, min(base + length, U64_LIMIT), kind, number)


def _swept(entries: list[Entry]) -> Iterator[Segment]:
    """The stretches between neighbouring boundaries that an entry covers; strictest kind wins."""
    boundaries: dict[int, list[tuple[tuple[RegionKind, int], int]]] = {}
    for entry in entries:
        grade = (entry.kind, entry.type)
        boundaries.setdefault(entry.start, []).append((grade, +1))
        boundaries.setdefault(entry.end, []).append((grade, -1))
    open_entries: Counter[tuple[RegionKind, int]] = Counter()
    previous = 0
    for boundary in sorted(boundaries):
        if open_entries:
            yield Segment(previous, boundary, max(open_entries))
        for grade, change in boundaries[boundary]:
            open_entries[grade] += change
        open_entries = +open_entries  # forget the grades that no entry holds any more
        previous = boundary


def _merged(segments: Iterator[Segment]) -> list[Segment]:
    """The same stretches with touching ones of the same grade joined; kinds are never mixed."""
    merged: list[Segment] = []
    for segment in segments:
        last = merged[-1] if merged else None
        if last and last.end == segment.start and last.grade == segment.grade:
            merged[-1] = last._replace(end=segment.end)
        else:
            merged.append(segment)
    return merged


def _fitted(kernel: "Kernel", regions: list[MemoryRegion]) -> list[MemoryRegion]:
    """The `CAPACITY` largest regions, in order of address.

    Dropping happens last, when overlaps are settled. What is missing from the table is a hole, and
    nobody allocates from a hole: memory may be lost, but none becomes available (KV-8).
    """
    by_length = sorted(regions, key=lambda region: region.length, reverse=True)
    for region in by_length[CAPACITY:]:
        kernel.log("memory_map_dropped", base=region.base, length=region.length)
    return sorted(by_length[:CAPACITY], key=lambda region: region.base)
