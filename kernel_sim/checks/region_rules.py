"""The rules of a memory descriptor table: in form, and right about every byte."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from kernel_sim.addr import U64_LIMIT
from kernel_sim.checks.coverage import Answer, Stretch
from kernel_sim.values import MemoryRegion, RegionKind

KIND_WORDS: Final[dict[RegionKind, str]] = {
    RegionKind.AVAILABLE: "Available",
    RegionKind.ACPI_RECLAIMABLE: "ACPI reclaimable",
    RegionKind.ACPI_NVS: "ACPI NVS",
    RegionKind.PERSISTENT: "Persistent",
    RegionKind.RESERVED: "Reserved",
    RegionKind.UNUSABLE: "Unusable",
}
SAFE_ROWS: Final = 32
"""A table that had no room for everything holds at least so many rows (KV-8; upstream keeps 32)."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a table broke, and where.

    Args:
        rule: short name; a failure is shrunk while it stays the same.
        requirement: the id of the requirement.
        problem: one sentence with the addresses.
        at: the first address concerned.
        concept: what is most likely not understood, where the rule alone tells.
    """

    rule: str
    requirement: str
    problem: str
    at: int = 0
    concept: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One stretch of addresses: what is right there, and what the table says."""

    start: int
    end: int
    answers: frozenset[Answer]
    got: Answer
    described: bool

    @property
    def right(self) -> bool:
        """Whether the table's answer is one of the right ones."""
        return self.got in self.answers


def answer_words(answers: Iterable[Answer]) -> str:
    """Answers in words, the strictest last."""
    kinds = sorted(answer for answer in answers if answer is not None)
    words = [KIND_WORDS[kind] for kind in kinds]
    if len(kinds) < len(list(answers)):
        words.insert(0, "nothing")
    return " or ".join(words)


def broken_rule(
    expected: Sequence[Stretch], regions: Sequence[MemoryRegion], *, may_drop: bool = False
) -> Violation | None:
    """The first rule that ``regions`` break, None if they break none.

    Args:
        expected: the reference model's stretches.
        regions: the table as it was returned.
        may_drop: whether the table may have been too small; what is dropped must be safe (KV-8).
    """
    return _broken_form(regions) or _broken_content(expected, regions, may_drop=may_drop)


def _broken_form(regions: Sequence[MemoryRegion]) -> Violation | None:
    """A table that is out of shape, whatever it says."""
    for region in regions:
        if region.base + region.length > U64_LIMIT:
            problem = f"the region at {region.base:#x} ends at {region.end:#x}, beyond 2^64"
            return Violation("beyond", "KV-6", problem, region.base, "wrap-around")
    for region in regions:
        if not region.length:
            problem = f"the table has a region of length 0 at {region.base:#x}"
            return Violation("empty", "KV-6", problem, region.base, "zero-length")
    for one, two in pairwise(regions):
        if two.base < one.base:
            problem = f"the region at {two.base:#x} stands behind the one at {one.base:#x}"
            return Violation("sorted", "KV-7", problem, two.base, "order")
    for one, two in pairwise(regions):
        if two.base < one.end:
            problem = f"two regions of the table hold the byte at {two.base:#x}"
            return Violation("disjoint", "KV-7", problem, two.base, "overlap-unresolved")
    return None


def _broken_content(
    expected: Sequence[Stretch], regions: Sequence[MemoryRegion], *, may_drop: bool
) -> Violation | None:
    """The worst wrong answer: memory wrongly free before wrong kinds before what is missing."""
    wrong = [item for item in differences(expected, regions) if not item.right]
    if may_drop and len(regions) >= SAFE_ROWS:
        wrong = [item for item in wrong if item.got is not None]
    by_rule: dict[str, Violation] = {}
    for item in wrong:
        violation = _violation(item)
        by_rule.setdefault(violation.rule, violation)
    for rule in ("free", "kind", "missing", "invented"):
        if rule in by_rule:
            return by_rule[rule]
    return None


def _violation(item: Difference) -> Violation:
    span = f"{item.start:#x} to {item.end:#x}"
    wanted = answer_words(item.answers)
    if item.got is None:
        problem = f"{span} is missing from the table; expected {wanted}"
        return Violation("missing", "KV-2", problem, item.start)
    got = KIND_WORDS[item.got]
    if not item.described:
        rule = "free" if item.got is RegionKind.AVAILABLE else "invented"
        problem = f"{span} is {got} in the table, but no entry describes it"
        return Violation(rule, "KV-2", problem, item.start)
    problem = f"{span} is {got} in the table; expected {wanted}"
    rule = "free" if item.got is RegionKind.AVAILABLE else "kind"
    return Violation(rule, "KV-4", problem, item.start)


def differences(expected: Sequence[Stretch], regions: Sequence[MemoryRegion]) -> list[Difference]:
    """The address space cut at every boundary of either side; ``regions`` are in form."""
    result: list[Difference] = []
    table = iter(regions)
    region = next(table, None)
    for index, stretch in enumerate(expected):
        pieces: list[Difference] = []
        at = stretch.start
        while at < stretch.end:
            while region is not None and region.end <= at:
                region = next(table, None)
            got: Answer = None
            end = stretch.end
            if region is not None and region.base <= at:
                got, end = region.kind, min(end, region.end)
            elif region is not None:
                end = min(end, region.base)
            pieces.append(Difference(at, end, stretch.answers, got, stretch.described))
            at = end
        if len(pieces) > 1 and not stretch.described:
            open_end = all(None in other.answers for other in expected[index:])
            pieces = _whole_hole(pieces, open_end=open_end)
        result += pieces
    return result


def _whole_hole(pieces: list[Difference], *, open_end: bool) -> list[Difference]:
    """The pieces of a hole; if only a part of it is in the table, that part is wrong.

    A table may keep a hole as Reserved, but then all of it. The last hole may end anywhere.
    """
    if all(piece.got is not None for piece in pieces):
        return pieces
    first = pieces[0] if open_end and pieces[0].got is not None else None
    if first is not None and all(piece.got is None for piece in pieces[1:]):
        return pieces
    nothing: frozenset[Answer] = frozenset({None})
    return [replace(piece, answers=nothing) for piece in pieces]
