"""Which bytes a firmware map leaves available, and which of them are backed by RAM."""

from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Final

from kernel_sim.addr import PAGE_SIZE, align_down, align_up
from kernel_sim.machine.spec import (
    ENABLED,
    PHYSICAL_END,
    TYPE_ACPI_NVS,
    TYPE_ACPI_RECLAIMABLE,
    TYPE_AVAILABLE,
    TYPE_PERSISTENT,
    FirmwareEntry,
    MachineSpec,
)
from kernel_sim.values import AddrRange

FOUR_GIB: Final = 1 << 32
LIMIT_MAX: Final = 0xC000_0000
"""kernel-v identity-maps no further: its heap window begins above."""
LEGACY_HOLE: Final = AddrRange(0xA_0000, 0xC_0000)
"""Where the display adapter answers instead of RAM."""
_RAM_DESCRIPTORS: Final = frozenset({1, 2, 3, 4, 5, 6, 7, 9, 10, 14})
"""UEFI types that only memory has: loader, boot and runtime services, conventional, ACPI, NV."""
BACKED_TYPES: Final = frozenset(
    {TYPE_AVAILABLE, TYPE_ACPI_RECLAIMABLE, TYPE_ACPI_NVS, TYPE_PERSISTENT}
)


def enabled_entries(spec: MachineSpec) -> list[FirmwareEntry]:
    """The entries that count: not empty, not switched off by bit 0 of their attributes."""
    has_attributes = spec.entry_size == 24
    return [
        entry
        for entry in spec.entries
        if entry.length and (entry.attributes & ENABLED or not has_attributes)
    ]


def merged(ranges: Iterable[AddrRange]) -> list[AddrRange]:
    """The same bytes as sorted, disjoint, non-adjacent ranges."""
    result: list[AddrRange] = []
    for item in sorted(ranges):
        if result and item.start <= result[-1].end:
            result[-1] = AddrRange(result[-1].start, max(result[-1].end, item.end))
        elif item:
            result.append(item)
    return result


def without(ranges: Iterable[AddrRange], holes: Iterable[AddrRange]) -> list[AddrRange]:
    """The bytes of the sorted, disjoint ``ranges`` that lie in none of ``holes``."""
    cut = merged(holes)
    result = []
    for item in ranges:
        inside = [hole for hole in cut if hole.overlaps(item)]
        edges = [(item.start, item.start), *((h.start, h.end) for h in inside), (item.end, 0)]
        for (_, start), (end, _) in pairwise(edges):
            if start < end:
                result.append(AddrRange(start, end))
    return result


@lru_cache(maxsize=64)
def available_ranges(spec: MachineSpec) -> tuple[AddrRange, ...]:
    """The bytes that no entry calls anything but available, sorted and disjoint (KV-7)."""
    entries = enabled_entries(spec)
    free = [AddrRange(e.base, e.end) for e in entries if e.type == TYPE_AVAILABLE]
    restricted = [AddrRange(e.base, e.end) for e in entries if e.type != TYPE_AVAILABLE]
    return tuple(without(merged(free), restricted))


def physical_limit(available: Iterable[AddrRange]) -> int:
    """L: the end of the highest available byte, at most 0xC0000000, rounded down to a frame."""
    return min(highest_frame_end(available), LIMIT_MAX)


def highest_frame_end(available: Iterable[AddrRange]) -> int:
    """The end of the highest available byte, rounded down to a frame."""
    return align_down(max((item.end for item in available), default=0), PAGE_SIZE)


def frames_within(available: Iterable[AddrRange], start: int, end: int) -> int:
    """How many frames lie wholly in ``available`` and in ``[start, end)``."""
    count = 0
    for item in available:
        first = align_up(max(item.start, start), PAGE_SIZE)
        last = align_down(min(item.end, end), PAGE_SIZE)
        count += max(0, last - first) // PAGE_SIZE
    return count


@lru_cache(maxsize=64)
def backed_ranges(spec: MachineSpec) -> tuple[AddrRange, ...]:
    """The frame-aligned physical ranges behind which there is RAM.

    Available, ACPI and persistent memory is backed anywhere below 2^52; every other type only below
    the end of available memory under 4 GiB. Where firmware hands over in long mode, all that UEFI
    types say is memory is backed. The legacy display window never is.
    """
    entries = enabled_entries(spec)
    low_end = max(
        (min(e.end, FOUR_GIB) for e in entries if e.type == TYPE_AVAILABLE and e.base < FOUR_GIB),
        default=0,
    )
    ranges = []
    for entry in entries:
        end = min(entry.end, PHYSICAL_END if entry.type in BACKED_TYPES else low_end)
        start = align_down(entry.base, PAGE_SIZE)
        if start < end:
            ranges.append(AddrRange(start, align_up(end, PAGE_SIZE)))
    if spec.long_mode:
        ranges += [
            AddrRange(item.base, min(item.end, PHYSICAL_END))
            for item in spec.descriptors
            if item.type in _RAM_DESCRIPTORS and item.base < PHYSICAL_END
        ]
    return tuple(without(merged(ranges), [LEGACY_HOLE]))
