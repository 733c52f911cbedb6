"""What an address space has to be: the reference model of Lab 3, which knows no tables.

It starts as what a layout asks for, or as what was found after `init_paging`, and follows each
call. Flags are those that the processor judges or that change how memory is cached; the others are
the plugin's own.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.inspection import MappedRange
from kernel_sim.inspection.mapped_range import merged
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import AddrRange, MapRequest

WRITABLE: Final = PageTableFlags.WRITABLE
USER: Final = PageTableFlags.USER_ACCESSIBLE
JUDGED: Final = WRITABLE | USER | PageTableFlags.WRITE_THROUGH | PageTableFlags.NO_CACHE
"""The flags that are compared. GLOBAL means nothing without CR4.PGE; bits 9 to 11 are free."""
PAGE_0: Final = AddrRange(0, PAGE_SIZE)


def judged(start: int, end: int, physical: int, flags: int) -> MappedRange:
    """A range as it is compared: its flags cut to `JUDGED`, its pages' size left out."""
    return MappedRange(start, end, physical, PageTableFlags(flags) & JUDGED, PAGE_SIZE)


class AddressSpaceModel:
    """The pages that are mapped: sorted, disjoint ranges.

    Args:
        ranges: as `judged` makes them.
    """

    def __init__(self, ranges: Iterable[MappedRange]) -> None:
        self._ranges = sorted(ranges, key=lambda item: item.start)

    @classmethod
    def of_layout(cls, layout: Iterable[MapRequest]) -> "AddressSpaceModel":
        """What `init_paging` is asked for. Page 0 may stay unmapped."""
        return cls(
            judged(item.virtual.start, item.virtual.end, item.physical, int(item.flags))
            for item in layout
            if item.virtual.length
        )

    @property
    def ranges(self) -> list[MappedRange]:
        """All ranges, neighbours that continue each other joined."""
        return merged(self._ranges)

    def find(self, address: int) -> MappedRange | None:
        """The range that holds ``address``."""
        index = bisect_right(self._ranges, address, key=lambda item: item.start) - 1
        found = self._ranges[index] if index >= 0 else None
        return found if found is not None and address < found.end else None

    def physical(self, address: int) -> int | None:
        """Where ``address`` leads; None where it is not mapped."""
        found = self.find(address)
        return None if found is None else found.physical + address - found.start

    def map(self, page: int, frame: int, flags: int) -> None:
        """Take one page in, in the place of what was there."""
        self.unmap(page)
        self._ranges.append(judged(page, page + PAGE_SIZE, frame, flags))
        self._ranges.sort(key=lambda item: item.start)

    def unmap(self, page: int) -> None:
        """Take one page out, if it is mapped."""
        found = self.find(page)
        if found is None:
            return
        self._ranges.remove(found)
        for start, end in ((found.start, page), (page + PAGE_SIZE, found.end)):
            if start < end:
                physical = found.physical + start - found.start
                self._ranges.append(judged(start, end, physical, int(found.flags)))
        self._ranges.sort(key=lambda item: item.start)

    def allows(self, address: int, *, write: bool, user: bool) -> bool:
        """Whether an access to ``address`` goes through; CR0.WP is set."""
        found = self.find(address)
        if found is None or (write and not found.flags & WRITABLE):
            return False
        return not user or bool(found.flags & USER)


def without_page_0(ranges: Sequence[MappedRange]) -> list[MappedRange]:
    """``ranges`` without the first page, which a kernel may leave out to catch NULL."""
    result = []
    for item in ranges:
        cut = max(0, PAGE_0.end - item.start)
        if item.end > PAGE_0.end:
            moved = item.physical + cut
            result.append(judged(item.start + cut, item.end, moved, int(item.flags)))
    return result
