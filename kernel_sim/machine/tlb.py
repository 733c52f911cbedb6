"""The translation lookaside buffer: positive translations with rights, never evicted on its own.

So a missing INVLPG always shows. Not-present results are never cached.
"""

from typing import NamedTuple


class TlbEntry(NamedTuple):
    """A cached translation of one page.

    ``page`` and ``frame`` are the linear and physical addresses of its first byte, ``shift`` the
    log2 of its size, ``flags`` the rights over all levels at their bits: R/W, U/S, XD, and D and
    G of the leaf.
    """

    page: int
    frame: int
    shift: int
    flags: int

    @property
    def writable(self) -> bool:
        """R/W at every level."""
        return self.flags & 0x2 != 0

    @property
    def user(self) -> bool:
        """U/S at every level."""
        return self.flags & 0x4 != 0

    @property
    def executable(self) -> bool:
        """XD at no level."""
        return not self.flags >> 63

    @property
    def dirty(self) -> bool:
        """Whether the dirty flag of the leaf is known to be set."""
        return self.flags & 0x40 != 0

    @property
    def is_global(self) -> bool:
        """Whether MOV CR3 leaves it alone."""
        return self.flags & 0x100 != 0

    def physical(self, address: int) -> int:
        """The physical address that the linear ``address`` of this page leads to."""
        return self.frame + address - self.page


class Tlb:
    """All cached translations, one table for each page size."""

    def __init__(self) -> None:
        self._by_shift: dict[int, dict[int, TlbEntry]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_shift.values()))

    def lookup(self, address: int) -> TlbEntry | None:
        """The entry that covers ``address``; the smallest page first where stale sizes overlap."""
        for shift, table in self._by_shift.items():
            entry = table.get(address >> shift)
            if entry is not None:
                return entry
        return None

    def insert(self, entry: TlbEntry) -> None:
        """Cache ``entry`` in place of an older one for the same page."""
        table = self._by_shift.get(entry.shift)
        if table is None:
            self._by_shift[entry.shift] = table = {}
            self._by_shift = dict(sorted(self._by_shift.items()))
        table[entry.page >> entry.shift] = entry

    def drop(self, address: int) -> bool:
        """Forget every entry that covers ``address``, global ones too; whether one was large."""
        large = False
        for shift, table in self._by_shift.items():
            large |= table.pop(address >> shift, None) is not None and shift != 12
        return large

    def flush(self) -> None:
        """Forget everything."""
        self._by_shift.clear()

    def flush_non_global(self) -> None:
        """MOV CR3: forget all but the global translations."""
        for shift, table in self._by_shift.items():
            kept = {number: entry for number, entry in table.items() if entry.is_global}
            self._by_shift[shift] = kept

    def entries(self) -> list[TlbEntry]:
        """All entries, ordered by linear address."""
        found = [entry for table in self._by_shift.values() for entry in table.values()]
        return sorted(found, key=lambda entry: (entry.page, entry.shift))
