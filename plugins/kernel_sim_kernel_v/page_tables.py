"""The two-level tables of 32-bit paging: where an entry lies, what it says, how a table is made.

::

    linear address     31       22 21       12 11          0
                      | directory |   table   |   offset    |
                           |            |
    directory (PD), at CR3 |            |   table (PT)
      1024 entries of 4 bytes           |     1024 entries of 4 bytes
      [i] --> frame of a PT ----------> [j] --> frame of the page
      [i] with PS set: a 4 MiB page, no table (only with CR4.PSE)

    entry              31              12 11   9 8 7  6 5 4 3 2 1 0
                      | frame address    | avail|G|PS|D|A|C|T|U|W|P|

Tables lie in frames: to touch one, ask ``phys_to_virt`` where that frame is visible now.

References: Intel SDM vol. 3A, 4.3, figure 4-4 and tables 4-4 to 4-6.
"""

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from kernel_sim.addr import LARGE_PAGE_SIZE_32, PAGE_SIZE, is_aligned
from kernel_sim.errors import MapError, MapErrorReason
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import AddrRange

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

ENTRY_BYTES: Final = 4
ENTRY_COUNT: Final = 1024
FRAME_MASK: Final = 0xFFFF_F000
LARGE_FRAME_MASK: Final = 0xFFC0_0000
FLAGS_MASK: Final = 0x0000_0FFF
"""Twelve flag bits: a 32-bit entry has no place for NO_EXECUTE."""
ADDRESS_LIMIT: Final = 1 << 32
CR4_PSE: Final = 1 << 4

PRESENT: Final = int(PageTableFlags.PRESENT)
WRITABLE: Final = int(PageTableFlags.WRITABLE)
USER: Final = int(PageTableFlags.USER_ACCESSIBLE)
LARGE: Final = int(PageTableFlags.HUGE_PAGE)


class PageRun(NamedTuple):
    """``page_count`` pages from ``page`` on, for adjacent frames; all in one 4 MiB span."""

    page: int
    page_count: int
    first_frame: int


def directory_entry_address(kernel: "Kernel", root: int, page: int) -> int:
    """Where the directory entry for ``page`` is visible."""
    return kernel.hooks.phys_to_virt(root) + (page >> 22) * ENTRY_BYTES


def table_entry_address(kernel: "Kernel", directory_entry: int, page: int) -> int:
    """Where the table entry for ``page`` is visible, in the table ``directory_entry`` names."""
    table = kernel.hooks.phys_to_virt(directory_entry & FRAME_MASK)
    return table + (page >> 12 & 0x3FF) * ENTRY_BYTES


def span_end(page: int) -> int:
    """One past the 4 MiB span of ``page``: what one directory entry covers."""
    return (page // LARGE_PAGE_SIZE_32 + 1) * LARGE_PAGE_SIZE_32


def is_large(kernel: "Kernel", directory_entry: int) -> bool:
    """Whether a present entry is a 4 MiB page; without CR4.PSE bit 7 means nothing."""
    return bool(directory_entry & LARGE and has_large_pages(kernel))


def has_large_pages(kernel: "Kernel") -> bool:
    """Whether the firmware turned 4 MiB pages on; a plugin reads CR4.PSE and leaves it as it is."""
    return bool(kernel.cpu.cr4 & CR4_PSE)


def new_table(kernel: "Kernel") -> int:
    """The physical address of a table with 1024 absent entries.

    A fresh frame holds whatever was there before: it is zeroed *before* anything points to it.

    Raises:
        MapError: there is no frame left.
    """
    frame = kernel.hooks.pmm_alloc_frame()
    if frame is None:
        raise MapError("no frame for a table", reason=MapErrorReason.FRAME_ALLOCATION_FAILED)
    kernel.cpu.fill(kernel.hooks.phys_to_virt(frame), PAGE_SIZE, 0)
    kernel.log("page_table_new", frame=frame)
    return frame


def ensure_table(kernel: "Kernel", root: int, page: int, flags: int) -> int:
    """The directory entry that leads to the table for ``page``, made and linked if missing.

    The directory entry allows writing always and user access where a page below it does: the table
    entry then decides, since the processor takes the AND of both levels.

    Raises:
        MapError: a 4 MiB page is in the way, or there is no frame left.
    """
    address = directory_entry_address(kernel, root, page)
    entry = kernel.cpu.load(address, ENTRY_BYTES)
    if entry & PRESENT and is_large(kernel, entry):
        raise MapError(page, "a page that no 4 MiB page covers", MapErrorReason.ALREADY_MAPPED)
    linked = entry if entry & PRESENT else new_table(kernel) | PRESENT | WRITABLE
    linked |= flags & USER
    if linked != entry:
        kernel.cpu.store(address, ENTRY_BYTES, linked)
    return linked


def write_entries(kernel: "Kernel", address: int, run: PageRun, flags: int) -> None:
    """Write the table entries of ``run`` from ``address`` on, by one write.

    Raises:
        MapError: one of the entries is present already; nothing is written.
    """
    old = kernel.cpu.read(address, run.page_count * ENTRY_BYTES)
    for index, (entry,) in enumerate(struct.iter_unpack("<I", old) if any(old) else ()):
        if entry & PRESENT:
            page = run.page + index * PAGE_SIZE
            raise MapError(page, "a page not mapped yet", MapErrorReason.ALREADY_MAPPED)
    first = run.first_frame | flags | PRESENT
    entries = range(first, first + run.page_count * PAGE_SIZE, PAGE_SIZE)
    kernel.cpu.write(address, struct.pack(f"<{run.page_count}I", *entries))


def map_run(kernel: "Kernel", root: int, run: PageRun, flags: int) -> None:
    """Map a run of pages: by one 4 MiB page where it fills its whole span and the frames fit.

    Raises:
        MapError: something is mapped there, or there is no frame left for a table.
    """
    address = directory_entry_address(kernel, root, run.page)
    fits = run.page_count == ENTRY_COUNT and is_aligned(run.first_frame, LARGE_PAGE_SIZE_32)
    if fits and has_large_pages(kernel) and not kernel.cpu.load(address, ENTRY_BYTES) & PRESENT:
        kernel.cpu.store(address, ENTRY_BYTES, run.first_frame | flags | LARGE | PRESENT)
        return
    entry = ensure_table(kernel, root, run.page, flags)
    write_entries(kernel, table_entry_address(kernel, entry, run.page), run, flags)


def clear_range(kernel: "Kernel", root: int, pages: AddrRange) -> None:
    """Take back what `map_run` has just mapped in ``pages``; tables stay.

    Nobody has used these pages yet, so no TLB entry can be left of them.
    """
    page = pages.start
    while page < pages.end:
        address = directory_entry_address(kernel, root, page)
        entry = kernel.cpu.load(address, ENTRY_BYTES)
        end = min(pages.end, span_end(page))
        if is_large(kernel, entry):
            kernel.cpu.store(address, ENTRY_BYTES, 0)
        else:
            size = (end - page) // PAGE_SIZE * ENTRY_BYTES
            kernel.cpu.fill(table_entry_address(kernel, entry, page), size, 0)
        page = end


def release_tables(kernel: "Kernel", root: int) -> None:
    """Give the frames of all tables and of the directory back."""
    directory = kernel.cpu.read(kernel.hooks.phys_to_virt(root), PAGE_SIZE)
    for (entry,) in struct.iter_unpack("<I", directory):
        if entry & PRESENT and not is_large(kernel, entry):
            kernel.hooks.pmm_free_frame(entry & FRAME_MASK)
    kernel.hooks.pmm_free_frame(root)
