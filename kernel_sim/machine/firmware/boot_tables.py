"""The page tables that firmware builds before it starts a kernel in long mode: 4 levels.

References: Intel SDM vol. 3A, 4.5 (4-level paging), table 4-15 and following (entries).
"""

from array import array
from typing import Final

from kernel_sim.addr import HUGE_PAGE_SIZE, LARGE_PAGE_SIZE, PAGE_SIZE
from kernel_sim.machine.ram import Ram
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import AddrRange

ENTRIES: Final = 512
_PRESENT: Final = int(PageTableFlags.PRESENT)
_TABLE: Final = int(PageTableFlags.PRESENT | PageTableFlags.WRITABLE)
_HUGE: Final = int(PageTableFlags.HUGE_PAGE)
_ADDRESS: Final = 0x000F_FFFF_FFFF_F000
_PD_SHIFT: Final = 21


class BootTables:
    """Page tables under construction, in the frames of ``place``; `write` puts them into RAM."""

    def __init__(self, place: AddrRange) -> None:
        self._place = place
        self._tables: dict[int, array[int]] = {}
        self.root = self._new()

    def map_gib(self, virtual: int, physical: int, flags: int) -> None:
        """Map the GiB at ``virtual`` to the one at ``physical`` in 2 MiB pages."""
        pdpt = self._below(self.root, virtual >> 39)
        first = physical | flags | _HUGE
        pages = array("Q", range(first, first + HUGE_PAGE_SIZE, LARGE_PAGE_SIZE))
        self._tables[pdpt][virtual >> 30 & 511] = self._new(pages) | _TABLE

    def map_pages(self, pages: AddrRange, physical: int, flags: int) -> None:
        """Map the 4 KiB ``pages`` to the frames from ``physical`` on."""
        for page in range(pages.start, pages.end, PAGE_SIZE):
            frame = physical + page - pages.start
            self._tables[self._page_table(page)][page >> 12 & 511] = frame | flags

    def unmap_page(self, page: int) -> None:
        """Take the 4 KiB page at ``page`` out of a map that covers it."""
        self._tables[self._page_table(page)][page >> 12 & 511] = 0

    def write(self, ram: Ram) -> None:
        """Put all tables into RAM."""
        for table, entries in self._tables.items():
            ram.write(table, entries.tobytes())

    def _page_table(self, page: int) -> int:
        """The table for ``page``; a 2 MiB page is split into 4 KiB pages with the same flags."""
        pdpt = self._below(self.root, page >> 39)
        directory = self._below(pdpt, page >> 30)
        entry = self._tables[directory][page >> _PD_SHIFT & 511]
        if entry & _HUGE:
            first = entry & ~_HUGE
            split = array("Q", range(first, first + LARGE_PAGE_SIZE, PAGE_SIZE))
            self._tables[directory][page >> _PD_SHIFT & 511] = self._new(split) | _TABLE
        return self._below(directory, page >> _PD_SHIFT)

    def _below(self, table: int, index: int) -> int:
        """The table that entry ``index`` (its low 9 bits) leads to, made if it is absent."""
        entries = self._tables[table]
        if not entries[index & 511] & _PRESENT:
            entries[index & 511] = self._new() | _TABLE
        return entries[index & 511] & _ADDRESS

    def _new(self, entries: "array[int] | None" = None) -> int:
        """The address of one more table, empty unless ``entries`` fill it."""
        table = self._place.start + len(self._tables) * PAGE_SIZE
        if table >= self._place.end:
            raise AssertionError(f"the firmware's page tables do not fit {self._place}")
        self._tables[table] = entries if entries is not None else array("Q", bytes(ENTRIES * 8))
        return table
