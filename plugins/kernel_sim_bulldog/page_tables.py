"""Four levels of tables: which entry an address selects, how a missing table is made (BD-5).

::

    linear address  63    48 47    39 38    30 29    21 20    12 11      0
                   | sign   | level 4| level 3| level 2| level 1| offset  |
                                |        |        |        |
                CR3 -> table [i] -> table [j] -> table [k] -> table [l] -> frame

    entry           63 62..52 51            12 11..9 8 7 6 5 4 3 2 1 0
                   |NX| avail| frame address  | avail|G|S|D|A|C|T|U|W|P|

S (huge page) in an entry of level 3 or 2 ends the walk there, at 1 GiB or 2 MiB. The boot loader's
direct map has such entries; Bulldog makes none (BD-7). A table lies in a frame, and a frame is
reached through the direct map: at its physical address plus the boot loader's offset.

References: Intel SDM vol. 3A, 4.5, figure 4-8 and tables 4-15 to 4-20.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.errors import MapError, MapErrorReason
from kernel_sim.page_table import PageTableFlags

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

ENTRY_BYTES: Final = 8
ENTRY_COUNT: Final = 512
FRAME_MASK: Final = 0x000F_FFFF_FFFF_F000
"""Bits 51:12. Not ``~0xFFF``, which would take NO_EXECUTE for a part of the address."""
FLAGS_MASK: Final = ~FRAME_MASK & 0xFFFF_FFFF_FFFF_FFFF
PRESENT: Final = int(PageTableFlags.PRESENT)
HUGE: Final = int(PageTableFlags.HUGE_PAGE)
PARENT_FLAGS: Final = PRESENT | int(PageTableFlags.WRITABLE | PageTableFlags.USER_ACCESSIBLE)
"""What an entry that leads to a table takes over from the page below it."""


class Entry(NamedTuple):
    """An entry where it was met: its level, the address it is visible at, and what it holds."""

    level: int
    address: int
    value: int

    @property
    def page_size(self) -> int:
        """Bytes that the entry covers."""
        return PAGE_SIZE << 9 * (self.level - 1)

    @property
    def is_leaf(self) -> bool:
        """Whether it leads to a page and not to a table."""
        return self.level == 1 or bool(self.value & HUGE)

    @property
    def frame(self) -> int:
        """The physical address it holds; the low bits of a huge page's are flags and reserved."""
        return self.value & FRAME_MASK & (-self.page_size if self.is_leaf else -PAGE_SIZE)


def is_canonical(address: int) -> bool:
    """Whether bits 63 to 47 of ``address`` are equal."""
    return address >> 47 in {0, 0x1_FFFF}


def entry_of(kernel: "Kernel", table: int, level: int, page: int) -> Entry:
    """The entry for ``page`` in the table of ``level`` at the physical address ``table``."""
    index = page >> 12 + 9 * (level - 1) & ENTRY_COUNT - 1
    address = kernel.hooks.phys_to_virt(table) + ENTRY_BYTES * index
    return Entry(level, address, kernel.cpu.load(address, ENTRY_BYTES))


def walk(kernel: "Kernel", root: int, page: int) -> list[Entry]:
    """The entries on the way from ``root`` to ``page``; the last is a leaf or not present."""
    entries: list[Entry] = []
    table = root
    for level in (4, 3, 2, 1):
        entry = entry_of(kernel, table, level, page)
        entries.append(entry)
        if not entry.value & PRESENT or entry.is_leaf:
            break
        table = entry.frame
    return entries


def create_next_table(kernel: "Kernel", entry: Entry, page: int, flags: int) -> int:
    """The table that ``entry`` leads to, made if there is none; its physical address.

    The entry is given what the page needs on the way: writing and user access hold only if every
    level grants them.

    Raises:
        MapError: a huge page is in the way, or there is no frame left.
    """
    if entry.value & PRESENT and entry.is_leaf:
        expected = "a page that no huge page covers"
        raise MapError(page, expected, MapErrorReason.ALREADY_MAPPED)
    table = entry.value if entry.value & PRESENT else _new_table(kernel)
    linked = table | PRESENT | flags & PARENT_FLAGS
    if linked != entry.value:
        kernel.cpu.store(entry.address, ENTRY_BYTES, linked)
    return table & FRAME_MASK


def _new_table(kernel: "Kernel") -> int:
    """The frame of an empty table: zeroed here, *before* anything can lead to it."""
    frame = kernel.hooks.pmm_alloc_frame()
    if frame is None:
        reason = MapErrorReason.FRAME_ALLOCATION_FAILED
        raise MapError("no frame for a table", reason=reason)
    kernel.cpu.fill(kernel.hooks.phys_to_virt(frame), PAGE_SIZE, 0)
    kernel.log("page_table_new", frame=frame)
    return frame
