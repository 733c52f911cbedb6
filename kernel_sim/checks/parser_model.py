"""A parser with one thing wrong: what a table of bytes becomes when a typical mistake is made.

A mistake changes one of four steps, and the others stay right::

    bytes ──read──▶ raw entries ──keep──▶ those that count ──claim──▶ claims ──policy──▶ stretches

`predicts` says whether a table that a plugin returned is the one that the mistake leads to. So a
likely cause is not guessed from the look of a failure: the mistake is made, and the results are
compared.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from kernel_sim.checks.coverage import Answer, Claim, Policy, claim_of, stretches, strictest
from kernel_sim.checks.region_rules import broken_rule
from kernel_sim.machine import FirmwareEntry
from kernel_sim.values import MemoryRegion


@dataclass(frozen=True, slots=True)
class Table:
    """What lies in memory where the firmware's table is, with some bytes behind it."""

    memory: bytes
    count: int
    entry_size: int
    address: int = 0

    def number(self, offset: int, size: int) -> int:
        """The little-endian number at ``offset`` from the table's start."""
        return int.from_bytes(self.memory[offset : offset + size], "little")

    def entry(self, offset: int) -> FirmwareEntry:
        """The entry at ``offset``, read rightly."""
        number = self.number
        attributes = number(offset + 20, 4) if self.entry_size >= 24 else 1
        base, length = number(offset, 8), number(offset + 8, 8)
        return FirmwareEntry(base, length, number(offset + 16, 4), attributes)

    def offsets(self) -> range:
        """Where the entries begin."""
        return range(0, self.count * self.entry_size, self.entry_size)

    def entries(self) -> list[FirmwareEntry]:
        """All entries, read rightly."""
        return [self.entry(offset) for offset in self.offsets()]


def counts(entry: FirmwareEntry) -> bool:
    """Whether the entry describes memory: not empty, and not switched off."""
    return bool(entry.length and entry.attributes & 1)


def those_that_count(entries: list[FirmwareEntry]) -> list[FirmwareEntry]:
    """The entries that describe memory."""
    return list(filter(counts, entries))


@dataclass(frozen=True, slots=True)
class Mistake:
    """One wrong step, and how to tell a student of it.

    Args:
        concept: what is not understood, from `concepts.CONCEPTS`.
        cause: the likely cause, as a question or a plain sentence.
        read: bytes → entries.
        keep: entries → those that count.
        claim: entry → its claim.
        policy: what becomes of overlaps.
    """

    concept: str
    cause: str
    read: Callable[[Table], list[FirmwareEntry]] = Table.entries
    keep: Callable[[list[FirmwareEntry]], list[FirmwareEntry]] = those_that_count
    claim: Callable[[FirmwareEntry], Claim | None] = claim_of
    policy: Policy = strictest

    def claims(self, table: Table) -> list[Claim]:
        """What a parser with this mistake takes the entries to claim."""
        made = map(self.claim, self.keep(self.read(table)))
        return [claim for claim in made if claim is not None]

    def predicts(self, table: Table, regions: Sequence[MemoryRegion]) -> bool:
        """Whether this mistake leads to ``regions``, overlaps settled or left as they are."""
        claims = self.claims(table)
        if _one_by_one(claims, regions):
            return True
        in_order = sorted(regions, key=lambda region: region.base)
        predicted = list(stretches(claims, self.policy))
        if not _without_gaps(in_order):
            predicted = [s if s.described else s._replace(answers=NOTHING) for s in predicted]
        return broken_rule(predicted, in_order) is None


NOTHING: Final[frozenset[Answer]] = frozenset({None})


def _without_gaps(regions: Sequence[MemoryRegion]) -> bool:
    """Whether the table describes holes, too: from 0 on, each region begins where one ended."""
    starts_at_0 = bool(regions) and regions[0].base == 0
    return starts_at_0 and all(one.end == two.base for one, two in pairwise(regions))


def _one_by_one(claims: list[Claim], regions: Sequence[MemoryRegion]) -> bool:
    """Whether the table has exactly one region for each claim, in any order."""
    if len(claims) != len(regions):
        return False
    spans = Counter((claim.start, claim.end - claim.start) for claim in claims)
    if spans != Counter((region.base, region.length) for region in regions):
        return False
    kinds = {(claim.start, claim.end - claim.start): claim.kinds for claim in claims}
    return all(region.kind in kinds[region.base, region.length] for region in regions)
