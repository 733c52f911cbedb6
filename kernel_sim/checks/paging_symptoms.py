"""The likely cause of a wrong address space: what the entries at the wrong place tell."""

from collections.abc import Sequence
from dataclasses import dataclass

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.paging_model import USER, WRITABLE
from kernel_sim.checks.paging_tables import FRAME_MASK, LARGE, PRESENT, Tables, is_poison
from kernel_sim.inspection import MappedRange
from kernel_sim.inspection.diff import Change, diff

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
        if kind == RIGHTS and _changed_flags(change) & USER:
            found.append(Difference(change, USER_RIGHTS))
    return found


def _changed_flags(change: Change) -> int:
    """The flags in which both sides differ."""
    if change.before is None or change.after is None:
        return 0
    return int(change.before.flags ^ change.after.flags)


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
        return _why_missing(change, expected, tables, all_kinds)
    if item.kind == EXTRA:
        return _why_extra(change, expected, all_kinds)
    if item.kind == ELSEWHERE:
        return _why_elsewhere(change, tables, expected)
    if item.kind == USER_RIGHTS and change.after and change.after.flags & USER:
        return "user-bit"
    return _why_rights(change, tables)


def refusal_cause(address: int, expected: Sequence[MappedRange], tables: Tables, seed: int) -> str:
    """The concept of a plugin that found a page mapped which it had not mapped yet.

    Args:
        address: the page that it refused.
        expected: what it was asked for.
        tables: what it had built by then.
        seed: of the poison.
    """
    if tables.garbage(seed) is not None or is_unwritten(tables, seed, address):
        return "not-zeroed"
    if tables.leaf(address)[2] > PAGE_SIZE:
        return "large-pages"
    found = tables.ranges()
    wrong = [item for item in differences(diff(list(expected), found)) if item.kind == ELSEWHERE]
    concepts = {_why_elsewhere(item.change, tables, expected) for item in wrong}
    for concept in ("flags-in-address", "index-shift", "index-mask"):
        if concept in concepts:
            return concept
    return "index-mask"


def _why_missing(
    change: Change, expected: Sequence[MappedRange], tables: Tables, all_kinds: set[str]
) -> str:
    above, entry, _ = tables.leaf(change.start)
    if above & PRESENT and above & LARGE:
        return "large-pages"
    if _is_written_beside(change, tables) or _is_linked_beside(change.start, tables, expected):
        return "flags-in-address" if above & PRESENT else "index-shift"
    if not above & PRESENT:
        moved = all_kinds & {EXTRA, ELSEWHERE}
        return _misplaced(change, tables) if moved else _why_no_table(change, expected)
    if _is_last_page(change, expected):
        return "range-end"
    return "flags-argument" if entry else _why_empty(change, tables, all_kinds)


def _why_no_table(change: Change, expected: Sequence[MappedRange]) -> str:
    """Why a directory entry is empty."""
    if any(item.start <= change.start < item.start + PAGE_SIZE for item in expected):
        return "layout-requests"
    return "range-end" if _is_last_page(change, expected) else "table-per-4-mib"


def _is_last_page(change: Change, expected: Sequence[MappedRange]) -> bool:
    """Whether just the last page of a longer range is missing."""
    at_end = any(item.end == change.end and item.start < change.start for item in expected)
    return at_end and change.end - change.start == PAGE_SIZE


def _why_empty(change: Change, tables: Tables, all_kinds: set[str]) -> str:
    """Why an entry of a table that is there is empty."""
    if all_kinds & {EXTRA, ELSEWHERE}:
        return _misplaced(change, tables)
    is_identity = change.before is not None and change.before.physical == change.start
    return "identity-missing" if is_identity else "index-mask"


def _misplaced(change: Change, tables: Tables) -> str:
    """Whether the page turns up in another table, at the same place, or elsewhere in its own."""
    if change.before is None:
        return "index-mask"
    for item in tables.ranges():
        place = item.start + change.before.physical - item.physical
        if item.physical <= change.before.physical < item.physical + item.length:
            same_index = not (place ^ change.start) & 0x3F_F000
            return (
                "index-shift" if same_index or place >> 22 != change.start >> 22 else "index-mask"
            )
    return "index-mask"


def _is_linked_beside(address: int, tables: Tables, expected: Sequence[MappedRange]) -> bool:
    """Whether the directory entry stands where an entry of 1 or 8 bytes would."""
    index = address >> 22
    for offset in (index, index * 8):
        slot = offset // 4
        if not offset % 4 and any(low <= slot <= high for low, high in _slots(expected)):
            continue  # the entry there is another 4 MiB's own
        entry = tables.ram.load(tables.root + offset, 4)
        if index and entry & PRESENT and entry & FRAME_MASK and not entry & 0xF98:
            return True
    return False


def _slots(ranges: Sequence[MappedRange]) -> list[tuple[int, int]]:
    """The first and the last directory entry that each range needs."""
    return [(item.start >> 22, item.end - 1 >> 22) for item in ranges]


def _is_written_beside(change: Change, tables: Tables) -> bool:
    """Whether the entry stands where flags left in the table's address lead."""
    above = tables.directory[change.start >> 22]
    if change.before is None or not above & PRESENT or tables.is_large(above):
        return False
    for flags in {*range(1, 8), above & 0xFFF, above & 0xFFF & ~0x60} - {4}:
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


def _why_elsewhere(change: Change, tables: Tables, expected: Sequence[MappedRange]) -> str:
    above = tables.directory[change.start >> 22]
    if above & PRESENT and above & LARGE:
        return "large-pages"
    if _is_written_beside(change, tables):
        return "flags-in-address"
    after = change.after
    if after is None or after.physical == change.start:
        return "frame-address"
    for item in expected:
        if not item.physical <= after.physical < _end(item):
            continue
        page = item.start + after.physical - item.physical
        if page == change.start or tables.leaf(page)[1] & FRAME_MASK == after.physical & FRAME_MASK:
            continue
        if page >> 22 == change.start >> 22 and _index(page) * 2 & 0x3FF == _index(change.start):
            return "index-shift"
        if _same_bits(page, change.start):
            return "index-mask"
    return "frame-address"


def _index(address: int) -> int:
    """The table index of an address."""
    return address >> 12 & 0x3FF


def _same_bits(one: int, two: int) -> bool:
    """Whether two pages differ in one bit of their table index alone: that bit is lost."""
    apart = (one ^ two) & 0x3F_F000
    return one >> 22 == two >> 22 and one != two and apart.bit_count() <= 2


def _end(item: MappedRange) -> int:
    return item.physical + item.length


def _why_rights(change: Change, tables: Tables) -> str:
    """Rights that only one level gives, or flags that were not those of the request."""
    if change.before is None or change.after is None:
        return "flags-argument"
    above, entry, _ = tables.leaf(change.start)
    lost = change.before.flags & ~change.after.flags & (WRITABLE | USER)
    if lost and entry & int(lost) == int(lost) and not above & int(lost):
        return "rights-levels"
    return "flags-argument"
