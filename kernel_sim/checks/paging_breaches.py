"""What is wrong with an address space, as a breach: the difference, and its likely cause."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kernel_sim.addr import LARGE_PAGE_SIZE_32
from kernel_sim.checks.operations_run import Breach
from kernel_sim.checks.paging_model import USER, WRITABLE
from kernel_sim.checks.paging_rules import Rule
from kernel_sim.checks.paging_symptoms import (
    ELSEWHERE,
    EXTRA,
    MISSING,
    RIGHTS,
    USER_RIGHTS,
    Difference,
    cause_of,
)
from kernel_sim.checks.paging_tables import Tables
from kernel_sim.checks.paging_words import range_text
from kernel_sim.inspection import MappedRange

KINDS: Final[Mapping[str, tuple[Rule, str, str]]] = {
    ELSEWHERE: (Rule.MAPPED, "KV-19", "leads to the wrong frame"),
    MISSING: (Rule.MAPPED, "KV-20", "is not mapped"),
    EXTRA: (Rule.NOTHING_ELSE, "KV-19", "is mapped, which nobody asked for,"),
    RIGHTS: (Rule.RIGHTS, "KV-19", "has the wrong flags"),
    USER_RIGHTS: (Rule.USER, "KV-26", "has the wrong U/S"),
}
"""Kind of difference → the rule that it breaks, the requirement, and words; the worst first."""


@dataclass(frozen=True, slots=True)
class LastCall:
    """The call after which tables are looked at.

    Args:
        hook: its name.
        page: the page it was about, -1 for none.
        exhausted: whether there was no frame left.
        several_roots: whether there is more than one address space.
    """

    hook: str
    page: int
    exhausted: bool
    several_roots: bool


def difference_breach(
    items: list[Difference], expected: list[MappedRange], tables: Tables, last: LastCall
) -> Breach:
    """The worst of some differences."""
    worst = list(KINDS)
    item = min(items, key=lambda each: worst.index(each.kind))
    change = item.change
    _, requirement, words = KINDS[item.kind]
    concept = _cause(item, last) or cause_of(
        item, expected, tables, all_kinds={each.kind for each in items}
    )
    return Breach(
        f"tables-{item.kind}",
        requirement,
        f"{change.start:#010x} to {change.end:#010x} {words} after {last.hook}",
        change.start,
        concept,
        range_text(change.before),
        range_text(change.after),
    )


def _cause(item: Difference, last: LastCall) -> str:
    """What the last call has to do with a difference; empty if the entries have to tell."""
    own = item.change.start <= last.page < item.change.end
    if last.hook == "unmap_page":
        return "unmap-entry" if item.kind == EXTRA and own else "unmap-neighbours"
    if last.hook == "protect_page":
        return "" if item.kind == USER_RIGHTS and own else "protect-page"
    if last.hook != "map_page":
        return ""
    if item.kind == MISSING and last.exhausted:
        return "out-of-frames"
    if last.several_roots:
        return "root-argument"
    return "" if own else _cause_elsewhere(item, last)


def _cause_elsewhere(item: Difference, last: LastCall) -> str:
    """Why mapping one page changed another."""
    same_table = item.start // LARGE_PAGE_SIZE_32 == last.page // LARGE_PAGE_SIZE_32
    if item.kind == EXTRA and same_table:
        return "not-zeroed"
    if item.kind == MISSING:
        return "new-table" if same_table else "index-mask"
    return ""


def garbage_breach(root: int, index: int, entry: int) -> Breach:
    """A directory entry that nobody can have meant."""
    problem = f"entry {index} of the directory at {root:#x} is {entry:#010x}: nobody wrote it"
    got = f"{entry:#010x}"
    return Breach("zeroed", "KV-25", problem, index << 22, "not-zeroed", "0, not present", got)


def exposed(tables: Tables, found: list[MappedRange]) -> Breach | None:
    """A table that a program can write to (I4)."""
    for index in tables.self_links:
        if tables.directory[index] & int(USER):
            problem = "the directory is linked into itself with U/S set"
            return Breach("exposed", "KV-26", problem, index << 22, "table-exposed")
    for item in found:
        if not (item.flags & USER and item.flags & WRITABLE):
            continue
        for frame in tables.frames:
            if item.physical <= frame < item.physical + item.length:
                problem = f"a program can write to the table at {frame:#x}"
                return Breach("exposed", "KV-26", problem, frame, "table-exposed")
    return None
