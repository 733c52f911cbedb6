"""The kernel's address space as RAM holds it: tables read by physical address, frames by their bits.

::

    df_tss + 28 ──CR3──▶ directory ──▶ tables ──▶ leaves        what pages lead to
    pmm_stats  ────────▶ bitmap                                 which frames are in use
"""

from dataclasses import dataclass
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.bench import Run
from kernel_sim.checks.frame_bitmap import Bitmap, read_bitmap
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import FrameStats

TSS_CR3: Final = 28
"""Offset of CR3 in a 32-bit TSS; the kernel writes it when paging is on."""
LARGE: Final = 1 << 22
_RIGHTS: Final = int(PageTableFlags.WRITABLE | PageTableFlags.USER_ACCESSIBLE)


@dataclass(frozen=True, slots=True)
class Leaf:
    """Where a page leads to: the frame, and the rights that hold over both levels."""

    frame: int
    writable: bool
    user: bool


class KernelSpace:
    """The tables of a booted machine. They are read anew at each question."""

    def __init__(self, run: Run) -> None:
        info = run.boot_info
        self._ram = run.ram
        tss = info.symbols["df_tss"] if info is not None else 0
        self.root = self._ram.load(tss + TSS_CR3, 4) & -PAGE_SIZE
        answer = run.call("pmm_stats").value
        self.stats = answer if isinstance(answer, FrameStats) else None

    def leaves(self, start: int, end: int) -> dict[int, Leaf]:
        """Every page in ``[start, end)`` that is mapped, and where it leads to."""
        found: dict[int, Leaf] = {}
        for number in range(start // LARGE, -(-end // LARGE)):
            entry = self._ram.load(self.root + 4 * number, 4)
            if entry & PageTableFlags.PRESENT:
                found.update(self._table(number * LARGE, entry))
        return {page: leaf for page, leaf in found.items() if start <= page < end}

    def leaf(self, page: int) -> Leaf | None:
        """Where one page leads to; None if it is not mapped."""
        return self.leaves(page, page + PAGE_SIZE).get(page)

    def table_count(self) -> int:
        """How many tables the directory names."""
        large = PageTableFlags.HUGE_PAGE
        return sum(bool(e & 1 and not e & large) for e in self._entries(self.root))

    def used_frames(self, run: Run) -> int:
        """The set of frames whose bits say that they are in use."""
        return read_bitmap(run, self.stats).used if self.stats is not None else 0

    def bitmap(self, run: Run) -> Bitmap | None:
        """The allocator's bitmap, None if it has none."""
        return read_bitmap(run, self.stats) if self.stats is not None else None

    def _entries(self, table: int) -> "memoryview[int]":
        return memoryview(self._ram.read(table, PAGE_SIZE)).cast("I")

    def _table(self, base: int, directory_entry: int) -> dict[int, Leaf]:
        rights = directory_entry & _RIGHTS
        if directory_entry & PageTableFlags.HUGE_PAGE:
            frame = directory_entry & -LARGE
            return {
                base + offset: _leaf(frame + offset, rights)
                for offset in range(0, LARGE, PAGE_SIZE)
            }
        table = self._entries(directory_entry & -PAGE_SIZE)
        return {
            base + PAGE_SIZE * index: _leaf(entry & -PAGE_SIZE, rights & entry)
            for index, entry in enumerate(table.tolist())
            if entry & PageTableFlags.PRESENT
        }


def _leaf(frame: int, rights: int) -> Leaf:
    writable = bool(rights & PageTableFlags.WRITABLE)
    return Leaf(frame, writable, bool(rights & PageTableFlags.USER_ACCESSIBLE))
