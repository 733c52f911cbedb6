"""The heap's window as its page tables map it, read from RAM by a walk of our own.

::

    directory entry i  →  table of 1024 entries  →  frame
    bits 31:22            bits 21:12                12 bits of offset
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from kernel_sim.addr import PAGE_SIZE, align_down
from kernel_sim.checks.bench import PhysicalMemory
from kernel_sim.values import AddrRange

PRESENT: Final = 1
WRITABLE: Final = 2
USER: Final = 4
LARGE: Final = 0x80
FRAME_MASK: Final = 0xFFFF_F000
_TABLE_SPAN: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class HeapWindow:
    """Every page that the tables map from the first to the last table that the window touches.

    Args:
        entries: page → frame and flags, the rights those of both levels together.
        tables: the frames of the page tables.
    """

    entries: dict[int, int]
    tables: frozenset[int]

    @classmethod
    def read(cls, ram: PhysicalMemory, root: int, window: AddrRange) -> "HeapWindow":
        """The window's present state."""
        entries: dict[int, int] = {}
        tables: set[int] = set()
        for base in range(align_down(window.start, _TABLE_SPAN), window.end, _TABLE_SPAN):
            upper = ram.load(root + 4 * (base >> 22), 4)
            if not upper & PRESENT:
                continue
            if upper & LARGE:
                entries.update(_large(base, upper))
                continue
            tables.add(upper & FRAME_MASK)
            rows = _words(ram.read(upper & FRAME_MASK, PAGE_SIZE))
            rights = upper & (WRITABLE | USER) | ~(WRITABLE | USER)
            entries.update(
                (base + (index << 12), entry & rights)
                for index, entry in enumerate(rows)
                if entry & PRESENT
            )
        return cls(entries, frozenset(tables))

    def bytes_at(self, ram: PhysicalMemory, address: int, size_bytes: int) -> bytes | None:
        """What a load of the kernel's would read; None if a page is not mapped."""
        parts: list[bytes] = []
        for start, length in pieces(address, size_bytes):
            entry = self.entries.get(start & ~0xFFF)
            if entry is None:
                return None
            parts.append(ram.read((entry & FRAME_MASK) + (start & 0xFFF), length))
        return b"".join(parts)

    def frames_in(self, window: AddrRange) -> list[int]:
        """The frames behind the pages of the window, in order of the pages."""
        first = align_down(window.start, PAGE_SIZE)
        pages = sorted(page for page in self.entries if first <= page < window.end)
        return [self.entries[page] & FRAME_MASK for page in pages]


def pieces(address: int, size_bytes: int) -> Iterator[tuple[int, int]]:
    """A range cut at page boundaries: address and length of each piece."""
    end = address + size_bytes
    while address < end:
        length = min(end, align_down(address, PAGE_SIZE) + PAGE_SIZE) - address
        yield address, length
        address += length


def _words(table: bytes) -> "memoryview[int]":
    """The entries of a table up to the last that is not zero: mostly few of the 1024."""
    used = len(table.rstrip(b"\0"))
    return memoryview(table)[: used + -used % 4].cast("I")


def _large(base: int, entry: int) -> Iterator[tuple[int, int]]:
    for offset in range(0, _TABLE_SPAN, PAGE_SIZE):
        yield base + offset, (entry & 0xFFC0_0000) + offset | entry & 0x7
