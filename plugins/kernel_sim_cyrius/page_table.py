"""`PageTableOps`: map, unmap, translate, update permissions, root (MS-14, MS-15, MS-U3).

It knows frames and mapper by their interfaces alone: a table is written where the `PhysMapper`
shows it (MS-13), and a missing table is a frame from whatever `FrameAllocatorGuard` the caller
holds (MS-12). Pages are of 4 KiB; others are refused by name (C20).

::

    map      level 4 -> level 3 -> level 2 -> level 1 -> frame     a table that is missing is made,
                                                                   one that is there may get rights
    unmap    the entry is cleared and flushed, then each table above that is empty now is unlinked
             and given back, from level 1 up; level 4 stays
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.errors import (
    KernelError,
    MapError,
    MapErrorReason,
    NotMapped,
    UnmapError,
    UnmapErrorReason,
)
from kernel_sim.host.quirks import has_quirk
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import Translation
from kernel_sim_bulldog.page_tables import ENTRY_BYTES, FLAGS_MASK, FRAME_MASK, PRESENT, Entry, walk
from kernel_sim_cyrius.addr import Page, PageSize, PhysAddr, VirtAddr
from kernel_sim_cyrius.manager import FrameAllocatorGuard, PhysMapper, frame_allocator

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

RIGHTS = PageTableFlags.WRITABLE | PageTableFlags.USER_ACCESSIBLE
"""What holds only where every level grants it."""


@dataclass(frozen=True, slots=True)
class PageTable:
    """The tables from ``root`` down."""

    kernel: "Kernel"
    root: PhysAddr
    mapper: PhysMapper

    def map(
        self, page: Page, frame: PhysAddr, flags: PageTableFlags, frames: FrameAllocatorGuard
    ) -> None:
        """Map ``page``; if a frame for a table is missing, those just made go back.

        Raises:
            MapError: with its reason.
        """
        self._assert_mappable(page, frame, flags)
        made: list[tuple[Entry, PhysAddr]] = []
        entries = self._walk(page)
        while entries[-1].level > 1 and not entries[-1].value & PRESENT:
            table = self._new_table(entries[-1], flags, frames)
            if table is None:
                self._take_back(made, frames)
                reason = MapErrorReason.FRAME_ALLOCATION_FAILED
                raise MapError(page.start.raw, "a frame for a table", reason)
            made.append((entries[-1], table))
            entries = self._walk(page)
        leaf = entries[-1]
        if leaf.value & PRESENT:
            raise MapError(page.start.raw, "a page not mapped yet", MapErrorReason.ALREADY_MAPPED)
        self._grant(entries[:-1], flags)
        self._set(leaf, frame.raw | int(flags) & FLAGS_MASK | PRESENT)
        self.kernel.cpu.invlpg(page.start.into_ptr())

    def unmap(self, page: Page, frames: FrameAllocatorGuard) -> PhysAddr:
        """Unmap ``page`` and give back tables that are empty now; the page's frame.

        Raises:
            UnmapError: with its reason.
        """
        entries = self._leaf(page)
        leaf = entries[-1]
        self._set(leaf, 0)
        self.kernel.cpu.invlpg(page.start.into_ptr())
        for above in reversed(entries[:-1]):
            if not self._is_empty(PhysAddr(above.frame)):
                break
            self._set(above, 0)
            self._flush()
            self._give_back(PhysAddr(above.frame), frames)
        return PhysAddr(leaf.frame)

    def translate(self, address: VirtAddr) -> Translation:
        """Where ``address`` leads, with the rights over all levels; huge pages count (C20).

        Raises:
            NotMapped: nowhere.
        """
        entries = walk(self.kernel, self.root.raw, address.raw) if address.is_canonical else []
        if not entries or not entries[-1].value & PRESENT:
            raise NotMapped(address.raw, "a mapped address")
        leaf = entries[-1]
        flags = PageTableFlags(leaf.value & FLAGS_MASK)
        for entry in entries[:-1]:
            above = PageTableFlags(entry.value & FLAGS_MASK)
            flags = flags & ~(RIGHTS & ~above) | above & PageTableFlags.NO_EXECUTE
        return Translation(leaf.frame + address.raw % leaf.page_size, flags, leaf.page_size)

    def update_permissions(self, page: Page, flags: PageTableFlags) -> None:
        """Give a mapped page other rights, and flush it.

        Raises:
            UnmapError: it is not mapped, or part of a huge page.
        """
        entries = self._leaf(page)
        self._grant(entries[:-1], flags)
        leaf = entries[-1]
        self._set(leaf, leaf.frame | int(flags) & FLAGS_MASK | PRESENT)
        self.kernel.cpu.invlpg(page.start.into_ptr())

    def _walk(self, page: Page) -> list[Entry]:
        return walk(self.kernel, self.root.raw, page.start.raw)

    def _leaf(self, page: Page) -> list[Entry]:
        """The entries to the 4 KiB page, all present."""
        if page.size != PageSize.SIZE_4K:
            reason = UnmapErrorReason.UNSUPPORTED_PAGE_SIZE
            raise UnmapError(page.size, "4 KiB", reason)
        entries = self._walk(page) if page.start.is_canonical else []
        if not entries or not entries[-1].value & PRESENT:
            raise UnmapError(page.start.raw, "a mapped page", UnmapErrorReason.NOT_MAPPED)
        if entries[-1].level > 1:
            raise UnmapError(page.start.raw, "a 4 KiB page", UnmapErrorReason.HUGE_PAGE)
        return entries

    def _assert_mappable(self, page: Page, frame: PhysAddr, flags: PageTableFlags) -> None:
        start = page.start.raw
        if page.size != PageSize.SIZE_4K or flags & PageTableFlags.HUGE_PAGE:
            raise MapError(page.size, "4 KiB", MapErrorReason.UNSUPPORTED_PAGE_SIZE)
        if not page.start.is_canonical:
            raise MapError(start, "a canonical page", MapErrorReason.NON_CANONICAL)
        if frame.raw & ~FRAME_MASK:
            raise MapError(frame.raw, "the address of a frame", MapErrorReason.MISALIGNED_FRAME)

    def _new_table(
        self, entry: Entry, flags: PageTableFlags, frames: FrameAllocatorGuard
    ) -> PhysAddr | None:
        """An empty table, linked into ``entry``: zeroed first; None if there is no frame."""
        table = frames.allocate()
        if table is None:
            return None
        self.kernel.cpu.fill(self.mapper.phys_to_virt(table).into_ptr(), PAGE_SIZE, 0)
        user = PageTableFlags.USER_ACCESSIBLE & flags
        self._set(entry, table.raw | PRESENT | int(PageTableFlags.WRITABLE | user))
        return table

    def _take_back(self, made: list[tuple[Entry, PhysAddr]], frames: FrameAllocatorGuard) -> None:
        """Unlink the tables of a mapping that failed; the original leaves them (MS-U5)."""
        if has_quirk(self.kernel, "failed_map_keeps_tables"):
            return
        for entry, table in reversed(made):
            self._set(entry, 0)
            self._flush()
            frames.deallocate(table)

    def _give_back(self, table: PhysAddr, frames: FrameAllocatorGuard) -> None:
        """Free an empty table by the guard in hand; the original asks for a second (MS-U5)."""
        if not has_quirk(self.kernel, "cleanup_locks_again"):
            frames.deallocate(table)
            return
        with frame_allocator(self.kernel) as second:
            second.deallocate(table)

    def _grant(self, above: list[Entry], flags: PageTableFlags) -> None:
        """Let the tables on the way pass the rights on; a full flush if one of them changes."""
        changed = False
        for entry in above:
            granted = entry.value | int(RIGHTS & flags)
            if granted != entry.value:
                self._set(entry, granted)
                changed = True
        if changed:
            self._flush()

    def _is_empty(self, table: PhysAddr) -> bool:
        data = self.kernel.cpu.read(self.mapper.phys_to_virt(table).into_ptr(), PAGE_SIZE)
        return not any(data)

    def _set(self, entry: Entry, value: int) -> None:
        self.kernel.cpu.store(entry.address, ENTRY_BYTES, value)

    def _flush(self) -> None:
        self.kernel.cpu.cr3 = self.kernel.cpu.cr3


def active(kernel: "Kernel", mapper: PhysMapper) -> PageTable:
    """The tables that the processor walks now.

    Raises:
        KernelError: CR3 leads nowhere that the mapper shows.
    """
    table = PageTable(kernel, PhysAddr(kernel.root), mapper)
    seen = mapper.phys_to_virt(table.root)
    if table.translate(seen).physical != table.root.raw:
        raise KernelError(seen.raw, expected=f"the direct map to show the root at {table.root!r}")
    return table
