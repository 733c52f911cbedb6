"""The tables of 32-bit paging as they lie in RAM, read by the checks themselves (KV-19).

Nothing here asks the plugin: the directory is where `init_paging` says, every entry is read from
physical memory, and the exhaustive sweep of `kernel_sim.inspection` says what they map.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from kernel_sim.addr import LARGE_PAGE_SIZE_32, PAGE_SIZE
from kernel_sim.checks.bench import PhysicalMemory
from kernel_sim.checks.paging_model import judged
from kernel_sim.inspection import AddressSpace, MappedRange, sweep
from kernel_sim.inspection.mapped_range import merged
from kernel_sim.inspection.sweep import present
from kernel_sim.machine.paging_modes import LEGACY_32
from kernel_sim.machine.ram import poison_word
from kernel_sim.page_table import PageTableFlags

PRESENT: Final = int(PageTableFlags.PRESENT)
LARGE: Final = int(PageTableFlags.HUGE_PAGE)
USER: Final = int(PageTableFlags.USER_ACCESSIBLE)
FRAME_MASK: Final = 0xFFFF_F000
ENTRY_COUNT: Final = 1024
SPREAD: Final = 3
"""So many directory entries that name one and the same frame are garbage."""


@dataclass(frozen=True)
class Tables:
    """A directory and its tables.

    Args:
        ram: physical memory.
        root: the directory's physical address.
        pse: whether CR4.PSE makes bit 7 of a directory entry a 4 MiB page.
    """

    ram: PhysicalMemory
    root: int
    pse: bool = False

    @cached_property
    def directory(self) -> tuple[int, ...]:
        """The 1024 entries of the directory."""
        return self.entries(self.root)

    def entries(self, table: int) -> tuple[int, ...]:
        """The 1024 entries of the table at the physical address ``table``."""
        return tuple(self._view(table))

    def _view(self, table: int) -> "memoryview[int]":
        return memoryview(self.ram.read(table, PAGE_SIZE)).cast("I")

    def is_large(self, entry: int) -> bool:
        """Whether a present directory entry is a 4 MiB page."""
        return bool(self.pse and entry & LARGE)

    @cached_property
    def _present(self) -> list[tuple[int, int]]:
        """Index and value of each directory entry that is present: few of the 1024."""
        return list(present(self._view(self.root)))

    @cached_property
    def links(self) -> dict[int, int]:
        """Index of a directory entry → the frame of its table; a link to the directory itself out.

        A directory that is also its own last table is a known way to reach the tables; it may be.
        """
        return {
            index: entry & FRAME_MASK
            for index, entry in self._present
            if not self.is_large(entry) and entry & FRAME_MASK != self.root
        }

    @cached_property
    def self_links(self) -> list[int]:
        """Indexes of directory entries that make the directory a table of its own."""
        return [
            index
            for index, entry in self._present
            if not self.is_large(entry) and entry & FRAME_MASK == self.root
        ]

    @property
    def frames(self) -> list[int]:
        """The directory's frame and those of all tables."""
        return [self.root, *self.links.values()]

    def garbage(self, seed: int) -> tuple[int, int] | None:
        """Index and value of a directory entry that nobody can have meant, if there is one."""
        often = {frame for frame, n in Counter(self.links.values()).items() if n >= SPREAD}
        for index, entry in self._present:
            if is_poison(seed, self.root, index, entry) or entry & FRAME_MASK in often:
                return index, entry
        return None

    def ranges(self) -> list[MappedRange]:
        """All that the tables map, as it is compared."""
        # a bench's memory can be read, and that is all a sweep does
        space: Any = AddressSpace(self.ram, LEGACY_32, self.root, pse=self.pse)  # type: ignore[arg-type]
        found = [
            judged(item.start, item.end, item.physical, int(item.flags))
            for item in sweep(space, numpy=False)
        ]
        for index in self.self_links:
            found = _without_span(found, index)
        return merged(found)

    def leaf(self, address: int) -> tuple[int, int, int]:
        """Directory entry, table entry and page size for ``address``; 0 where there is none.

        Of a 4 MiB page the table entry is 0.
        """
        above = self.directory[address >> 22]
        if not above & PRESENT:
            return above, 0, 0
        if self.is_large(above):
            return above, 0, LARGE_PAGE_SIZE_32
        entry = self.ram.load((above & FRAME_MASK) + (address >> 12 & 0x3FF) * 4, 4)
        return above, entry, PAGE_SIZE if entry & PRESENT else 0

    def entry_address(self, address: int) -> int:
        """The physical address of the table entry for ``address``, in a table that is there."""
        return (self.directory[address >> 22] & FRAME_MASK) + (address >> 12 & 0x3FF) * 4


def poison_pair(seed: int, table: int) -> tuple[int, int]:
    """The even and the odd entries of a frame that nobody wrote; all of them look present."""
    word = poison_word(seed, table >> 12)
    return word & 0xFFFF_FFFF, word >> 32


def is_poison(seed: int, table: int, index: int, entry: int) -> bool:
    """Whether ``entry`` is what memory that nobody wrote holds at this place of this frame."""
    return entry == poison_pair(seed, table)[index % 2]


def _without_span(ranges: list[MappedRange], index: int) -> list[MappedRange]:
    """``ranges`` without the 4 MiB of a directory entry."""
    start, end = index * LARGE_PAGE_SIZE_32, (index + 1) * LARGE_PAGE_SIZE_32
    kept = []
    for item in ranges:
        for first, last in ((item.start, min(item.end, start)), (max(item.start, end), item.end)):
            if first < last:
                physical = item.physical + first - item.start
                kept.append(judged(first, last, physical, int(item.flags)))
    return kept
