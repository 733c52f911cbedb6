"""The order in which tables are written while paging is on (KV-25, KV-26).

::

    new table     zero it ──▶ link it in the directory      another walk may come in between
    taken away    write the entry ──▶ INVLPG of its page    a walk in between fills the TLB again

A store is an event of kind ``store`` with its old bytes, so what a table held at any moment can be
told by undoing what came later.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.bench import PhysicalMemory
from kernel_sim.checks.operations_run import Breach
from kernel_sim.checks.paging_tables import FRAME_MASK, LARGE, PRESENT, Tables
from kernel_sim.values import Event

USED_FLAGS: Final = 0x60
"""Accessed and dirty: the processor sets them."""
RIGHTS: Final = 0x6


@dataclass(frozen=True, slots=True)
class Written:
    """One 32-bit entry that a store changed: which store of the call, where, from what to what."""

    at: int
    physical: int
    old: int
    new: int

    @property
    def takes_away(self) -> bool:
        """Whether a translation or a right that was there is no longer."""
        if not self.old & PRESENT:
            return False
        moved = (self.old ^ self.new) & FRAME_MASK
        return not self.new & PRESENT or bool(moved or self.old & ~self.new & RIGHTS)


def link_breach(part: Sequence[Event], tables: Tables, ram: PhysicalMemory) -> Breach | None:
    """A table that was linked while it still held something else than it does now.

    Args:
        part: the events of one call.
        tables: the tables after it.
        ram: memory after it.
    """
    for entry in _links(part, tables):
        table = entry.new & FRAME_MASK
        now = ram.read(table, PAGE_SIZE)
        then = _undone(now, table, part[entry.at + 1 :])
        for index, (was, is_now) in enumerate(zip(_words(then), _words(now), strict=True)):
            if was & PRESENT and (was ^ is_now) & ~USED_FLAGS:
                problem = (
                    f"the table at {table:#x} was linked while its entry {index} "
                    f"was still {was:#010x}"
                )
                return _breach("zero-after-link", "KV-25", problem, "zero, then link", "link first")
    return None


def flush_breach(part: Sequence[Event], tables: Tables) -> Breach | None:
    """An entry that was changed without INVLPG of its page behind it."""
    new = {entry.new & FRAME_MASK for entry in _links(part, tables)}
    for index, frame in tables.links.items():
        if frame in new:
            continue
        for entry in _written(part, frame):
            if not entry.takes_away:
                continue
            page = index << 22 | (entry.physical - frame) // 4 << 12
            flushes = list(_flushes(part, page))
            if any(at > entry.at for at in flushes):
                continue
            if flushes:
                problem = f"INVLPG of {page:#x} came before its entry was written"
                return _breach("invlpg-order", "KV-26", problem, "entry, INVLPG", "INVLPG, entry")
            concept = "invlpg-protect" if entry.new & PRESENT else "invlpg-unmap"
            problem = f"the entry of {page:#x} was changed, and no INVLPG came"
            return _breach(concept, "KV-26", problem, "INVLPG", "none")
    return None


def _links(part: Sequence[Event], tables: Tables) -> Iterator[Written]:
    """The directory entries that the call made lead to another table."""
    for entry in _written(part, tables.root):
        linked = entry.new & PRESENT and not (entry.new & LARGE and tables.pse)
        same = entry.old & PRESENT and not (entry.old ^ entry.new) & FRAME_MASK
        if linked and not same:
            yield entry


def _flushes(part: Sequence[Event], page: int) -> Iterator[int]:
    """Where in the call the TLB forgot ``page``."""
    for at, event in enumerate(part):
        fields: Any = event.fields
        if event.kind != "control":
            continue
        of_page = fields.get("operation") == "invlpg" and fields["address"] & ~0xFFF == page
        if of_page or fields.get("register") == "cr3":
            yield at


def _written(part: Sequence[Event], frame: int) -> Iterator[Written]:
    """The entries of the table at ``frame`` that stores of the call changed, in order."""
    for at, event in enumerate(part):
        if event.kind != "store":
            continue
        fields: Any = event.fields
        physical, old, new = fields["physical"], fields["old"], fields["new"]
        if physical >= frame + PAGE_SIZE or physical + len(new) <= frame or physical % 4:
            continue
        for offset in range(0, len(new) - len(new) % 4, 4):
            place = physical + offset
            was = int.from_bytes(old[offset : offset + 4], "little")
            becomes = int.from_bytes(new[offset : offset + 4], "little")
            if frame <= place < frame + PAGE_SIZE and (was ^ becomes) & ~USED_FLAGS:
                yield Written(at, place, was, becomes)


def _undone(data: bytes, frame: int, later: Sequence[Event]) -> bytes:
    """The bytes of ``frame`` before the stores of ``later``."""
    page = bytearray(data)
    for event in reversed(later):
        if event.kind != "store":
            continue
        fields: Any = event.fields
        for offset, byte in enumerate(fields["old"]):
            place = fields["physical"] + offset - frame
            if 0 <= place < PAGE_SIZE:
                page[place] = byte
    return bytes(page)


def _words(data: bytes) -> "memoryview[int]":
    return memoryview(data).cast("I")


def _breach(concept: str, requirement: str, problem: str, expected: str, got: str) -> Breach:
    return Breach(concept, requirement, problem, concept=concept, expected=expected, got=got)
