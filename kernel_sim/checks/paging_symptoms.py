"""The likely cause of a wrong address space: what the entries at the wrong place tell."""

from collections.abc import Sequence
from dataclasses import dataclass

from kernel_sim.addr import LARGE_PAGE_SIZE_32, PAGE_SIZE
from kernel_sim.checks.paging_model import USER, WRITABLE
from kernel_sim.checks.paging_tables import FRAME_MASK, PRESENT, Tables, is_poison
from kernel_sim.inspection import MappedRange
from kernel_sim.inspection.diff import Change

MISSING, EXTRA, ELSEWHERE, RIGHTS, USER_RIGHTS = "missing", "extra", "elsewhere", "rights", "user"


@dataclass(frozen=True, slots=True)
class Difference:
    """One change from what is expected to what was found, and which kind it is."""

    change: Change
    kind: str

    @property
    def start(self) -> int:
        """Its first address."""
        return self.change.start


def kind_of(change: Change) -> str:
    """Which kind of difference a change is."""
    before, after = change.before, change.after
    if before is None:
        return EXTRA
    if after is None:
        return MISSING
    if before.physical != after.physical:
        return ELSEWHERE
    return USER_RIGHTS if (before.flags ^ after.flags) == USER else RIGHTS


def differences(changes: Sequence[Change]) -> list[Difference]:
    """Each change with its kind; one that is wrong in U/S and in other flags is of both."""
    found = []
    for change in changes:
        kind = kind_of(change)
        found.append(Difference(change, kind))
        if kind == RIGHTS and change.before and change.after:
            if (change.before.flags ^ change.after.flags) & USER:
                found.append(Difference(change, USER_RIGHTS))
    return found


def is_unwritten(tables: Tables, seed: int, address: int) -> bool:
    """Whether the entry of ``address`` is what memory that nobody wrote holds."""
    above = tables.directory[address >> 22]
    if is_poison(seed, tables.root, address >> 22, above):
        return True
    if not above & PRESENT or tables.is_large(above):
        return False
    index = address >> 12 & 0x3FF
    entry = tables.ram.load(tables.entry_address(address), 4)
    return is_poison(seed, above & FRAME_MASK, index, entry)


def cause_of(
    item: Difference, expected: Sequence[MappedRange], tables: Tables, *, all_kinds: set[str]
) -> str:
    """The concept that explains a difference.

    Args:
        item: the difference.
        expected: everything that should be mapped.
        tables: what is there.
        all_kinds: the kinds of all differences of this address space.
    """
    change = item.change
    if item.kind == MISSING:
        return _why_missing(change, expected, tables)
    if item.kind == EXTRA:
        return _why_extra(change, expected, all_kinds)
    if item.kind == ELSEWHERE:
        return _why_elsewhere(change, tables)
    if item.kind == USER_RIGHTS and change.after and change.after.flags & USER:
        return "user-bit"
    return _why_rights(change, tables)


def _why_missing(change: Change, expected: Sequence[MappedRange], tables: Tables) -> str:
    whole = next((item for item in expected if item.start <= change.start < item.end), None)
    above, entry, _ = tables.leaf(change.start)
    if _is_written_beside(change, tables):
        return "flags-in-address"
    if not above & PRESENT:
        if whole is not None and change.start < whole.start + PAGE_SIZE:
            return "layout-requests"
        return "table-per-4-mib" if change.start % LARGE_PAGE_SIZE_32 == 0 else "range-end"
    at_end = whole is not None and change.end == whole.end and change.start > whole.start
    if at_end and change.end - change.start == PAGE_SIZE:
        return "range-end"
    if entry and not entry & PRESENT:
        return "flags-argument"
    return "index-mask"


def _is_written_beside(change: Change, tables: Tables) -> bool:
    """Whether the entry stands where the directory entry's flags, added to the address, lead."""
    above = tables.directory[change.start >> 22]
    if change.before is None or not above & PRESENT or not above & 0xFFF:
        return False
    for flags in {above & 0xFFF, above & 0xFFF & ~0x60}:
        beside = (above & FRAME_MASK) + flags + (change.start >> 12 & 0x3FF) * 4
        if tables.ram.load(beside, 4) & FRAME_MASK == change.before.physical & FRAME_MASK:
            return True
    return False


def _why_extra(change: Change, expected: Sequence[MappedRange], all_kinds: set[str]) -> str:
    follows = any(
        item.end == change.start
        and change.after is not None
        and item.physical + item.length == change.after.physical
        for item in expected
    )
    if follows:
        return "range-end"
    return "index-mask" if MISSING in all_kinds else "stray-mapping"


def _why_elsewhere(change: Change, tables: Tables) -> str:
    if _is_written_beside(change, tables):
        return "flags-in-address"
    after = change.after
    if after is not None and after.physical == change.start:
        return "frame-address"
    if change.before is not None and after is not None:
        off = after.physical - change.before.physical
        if off and off % LARGE_PAGE_SIZE_32 == 0:
            return "large-pages"
    return "frame-address"


def _why_rights(change: Change, tables: Tables) -> str:
    """Rights that only one level gives, or flags that were not those of the request."""
    if change.before is None or change.after is None:
        return "flags-argument"
    above, entry, _ = tables.leaf(change.start)
    lost = change.before.flags & ~change.after.flags & (WRITABLE | USER)
    if lost and entry & int(lost) == int(lost) and not above & int(lost):
        return "rights-levels"
    return "flags-argument"
