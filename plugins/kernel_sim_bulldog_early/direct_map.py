"""The direct map: every byte of memory at its physical address plus a constant (BO-4).

Mapped is what a kernel has to do with: the usable and the ACPI regions, and what the boot loader
left behind. Holes and firmware's own memory are not, so that a wild pointer into them faults.

Tables are filled 512 entries at a time. With the setting ``large_pages`` a stretch of 2 MiB that is
all memory takes one entry instead of a table (BO-7, C4)::

    level 2 entry  ->  table of 512 entries  ->  512 frames         4 KiB pages
    level 2 entry with PS  ------------------->  2 MiB of memory     a large page
"""

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from kernel_sim.addr import PAGE_SIZE, align_down, align_up
from kernel_sim.host.reservation import reserved_ranges
from kernel_sim.machine.firmware.available import merged
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import AddrRange, RegionKind
from kernel_sim_bulldog import page_tables as tables
from kernel_sim_bulldog_early.layout import DATA, RIGHTS

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

LARGE_PAGE: Final = 0x20_0000
MAPPED_KINDS: Final = {RegionKind.AVAILABLE, RegionKind.ACPI_RECLAIMABLE, RegionKind.ACPI_NVS}
_TABLE: Final = struct.Struct("<512Q")


def memory(kernel: "Kernel") -> list[AddrRange]:
    """The physical ranges that the direct map shows, in whole pages, ascending."""
    regions = [AddrRange(r.base, r.end) for r in kernel.regions if r.kind in MAPPED_KINDS]
    return merged(
        AddrRange(align_down(item.start, PAGE_SIZE), align_up(item.end, PAGE_SIZE))
        for item in (*regions, *reserved_ranges(kernel.boot_info))
    )


def build(kernel: "Kernel", root: int) -> None:
    """Map `memory` into the tables under ``root``, which nothing uses yet.

    Raises:
        MapError: there is no frame left for a table.
    """
    ranges = memory(kernel)
    large_pages = bool(kernel.config.large_pages)
    for start in _large_starts(ranges):
        page = kernel.hooks.phys_to_virt(start)
        table = root
        for level in (4, 3):
            entry = tables.entry_of(kernel, table, level, page)
            table = tables.create_next_table(kernel, entry, page, int(RIGHTS))
        entry = tables.entry_of(kernel, table, 2, page)
        whole = any(r.start <= start and start + LARGE_PAGE <= r.end for r in ranges)
        if large_pages and whole:
            value = start | int(DATA | PageTableFlags.HUGE_PAGE)
            kernel.cpu.store(entry.address, tables.ENTRY_BYTES, value)
            continue
        table = tables.create_next_table(kernel, entry, page, int(RIGHTS))
        kernel.cpu.write(kernel.hooks.phys_to_virt(table), _entries(start, ranges))
    for item in ranges:
        kernel.log("page_table_change", action="direct map", start=item.start, end=item.end)


def _large_starts(ranges: list[AddrRange]) -> Iterator[int]:
    """Each stretch of 2 MiB that holds some of ``ranges``, once."""
    last = -1
    for item in ranges:
        for start in range(align_down(item.start, LARGE_PAGE), item.end, LARGE_PAGE):
            if start > last:
                yield start
            last = max(last, start)


def _entries(start: int, ranges: list[AddrRange]) -> bytes:
    """The last-level table for the 2 MiB from ``start`` on."""
    values = [0] * 512
    for item in ranges:
        first = max(item.start, start)
        last = min(item.end, start + LARGE_PAGE)
        for frame in range(first, last, PAGE_SIZE):
            values[(frame - start) // PAGE_SIZE] = frame | int(DATA)
    return _TABLE.pack(*values)
