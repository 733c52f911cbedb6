"""The kernel's address space as RAM holds it: tables by physical address, frames by their bits.

::

    df_tss + 28 ──CR3──▶ directory ──▶ tables ──▶ leaves        what pages lead to
    pmm_stats  ────────▶ bitmap                                 which frames are in use
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.bench import Run
from kernel_sim.checks.frame_bitmap import read_bitmap
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import FrameStats

TSS_CR3: Final = 28
"""Offset of CR3 in a 32-bit TSS; the kernel writes it when paging is on."""
ENTRIES: Final = 1024
LARGE: Final = 1 << 22
# plain numbers: flags of the enumeration take a microsecond each, and there are thousands of them
_PRESENT: Final = int(PageTableFlags.PRESENT)
_WRITABLE: Final = int(PageTableFlags.WRITABLE)
_USER: Final = int(PageTableFlags.USER_ACCESSIBLE)
_LARGE: Final = int(PageTableFlags.HUGE_PAGE)


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
        first, last = start // LARGE, -(-end // LARGE)
        entries = self._words(self.root + 4 * first, last - first)
        for number, entry in enumerate(entries, start=first):
            if entry & _PRESENT:
                found.update(self._table(number * LARGE, entry))
        if not (start % LARGE or end % LARGE):
            return found
        return {page: leaf for page, leaf in found.items() if start <= page < end}

    def leaf(self, page: int) -> Leaf | None:
        """Where one page leads to; None if it is not mapped."""
        return self.leaves(page, page + PAGE_SIZE).get(page)

    def table_count(self) -> int:
        """How many tables the directory names."""
        return _table_count(self._ram.read(self.root, PAGE_SIZE))

    def used_frames(self, run: Run) -> int:
        """The set of frames whose bits say that they are in use."""
        return read_bitmap(run, self.stats).used if self.stats is not None else 0

    def _words(self, address: int, count: int) -> list[int]:
        return _numbers(self._ram.read(address, 4 * count))

    def _table(self, base: int, directory_entry: int) -> dict[int, Leaf]:
        if directory_entry & _LARGE:
            frame = directory_entry & -LARGE
            offsets = range(0, LARGE, PAGE_SIZE)
            return {base + offset: _leaf(frame + offset, directory_entry) for offset in offsets}
        return _table_leaves(
            base, directory_entry, self._ram.read(directory_entry & -PAGE_SIZE, PAGE_SIZE)
        )


# From one question to the next most tables are the same: what was found in equal bytes is kept.


@lru_cache(maxsize=64)
def _table_count(directory: bytes) -> int:
    return sum(entry & (_PRESENT | _LARGE) == _PRESENT for entry in _numbers(directory))


@lru_cache(maxsize=64)
def _table_leaves(base: int, directory_entry: int, table: bytes) -> dict[int, Leaf]:
    """The leaves of one table, not to be changed."""
    entries = ((index, entry) for index, entry in enumerate(_numbers(table)) if entry & _PRESENT)
    return {
        base + PAGE_SIZE * index: _leaf(entry & -PAGE_SIZE, directory_entry & entry)
        for index, entry in entries
    }


def _numbers(data: bytes) -> list[int]:
    return memoryview(data).cast("I").tolist()


def _leaf(frame: int, rights: int) -> Leaf:
    return Leaf(frame, bool(rights & _WRITABLE), bool(rights & _USER))
