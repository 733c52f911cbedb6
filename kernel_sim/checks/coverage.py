"""What the memory descriptor table has to say of every byte: the reference model of Lab 1.

The model does not build a table. It cuts the address space at all boundaries and says for each
stretch which answers are right; several can be, since the requirements leave choices::

    entries    AAAAAAAAAAAAAA                 A available, ? an unknown type
                      ??????????
    stretches  |  A  |  R, U   |  R, U |      R reserved, U unusable, - not in the table
    elsewhere  -, R, U
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from kernel_sim.addr import U64_LIMIT
from kernel_sim.machine import FirmwareEntry
from kernel_sim.values import RegionKind

Answer = RegionKind | None
"""A kind, or None for bytes that the table does not mention."""

KINDS_OF_TYPE: Final[dict[int, frozenset[RegionKind]]] = {
    1: frozenset({RegionKind.AVAILABLE}),
    2: frozenset({RegionKind.RESERVED}),
    3: frozenset({RegionKind.ACPI_RECLAIMABLE}),
    4: frozenset({RegionKind.ACPI_NVS}),
    5: frozenset({RegionKind.UNUSABLE}),
    7: frozenset({RegionKind.RESERVED, RegionKind.UNUSABLE, RegionKind.PERSISTENT}),
    12: frozenset({RegionKind.RESERVED, RegionKind.UNUSABLE, RegionKind.PERSISTENT}),
}
KINDS_OF_UNKNOWN: Final = frozenset({RegionKind.RESERVED, RegionKind.UNUSABLE})
HOLE: Final[frozenset[Answer]] = frozenset({None, RegionKind.RESERVED, RegionKind.UNUSABLE})
"""Bytes that no entry describes: left out, or kept as memory that nobody uses."""


class Claim(NamedTuple):
    """One entry says that ``[start, end)`` is one of ``kinds``; ``optional`` may be disregarded."""

    start: int
    end: int
    kinds: frozenset[RegionKind]
    optional: bool = False
    type: int = 0


class Stretch(NamedTuple):
    """``[start, end)`` may get any of ``answers``; ``described``: whether an entry covers it."""

    start: int
    end: int
    answers: frozenset[Answer]
    described: bool


Policy = Callable[[list[Claim]], frozenset[Answer]]
"""From the claims on a stretch, in the firmware's order, the right answers."""


def kinds_of_type(number: int) -> frozenset[RegionKind]:
    """The kinds that a firmware type may become (KV-4)."""
    return KINDS_OF_TYPE.get(number, KINDS_OF_UNKNOWN)


def claims_of(entries: Iterable[FirmwareEntry], entry_size: int) -> list[Claim]:
    """What the entries claim that are not empty and not switched off by attribute bit 0."""
    return [
        claim_of(entry)
        for entry in entries
        if entry.length and (entry_size < 24 or entry.attributes & 1)
    ]


def claim_of(entry: FirmwareEntry) -> Claim:
    """An entry's claim. One that reaches 2^64 may be cut off there or rejected (KV-6)."""
    end = entry.base + entry.length
    if end < U64_LIMIT:
        return Claim(entry.base, end, kinds_of_type(entry.type), type=entry.type)
    kinds = kinds_of_type(entry.type) | KINDS_OF_UNKNOWN
    return Claim(entry.base, U64_LIMIT, kinds, optional=True, type=entry.type)


def strictest(claims: list[Claim]) -> frozenset[Answer]:
    """The most restrictive kind wins (KV-7); with choices, every outcome of a choice."""
    certain = [claim for claim in claims if not claim.optional]
    answers = _outcomes(certain) if certain else HOLE
    for claim in claims:
        if claim.optional:
            answers |= _outcomes([*certain, claim])
    return answers


def _outcomes(claims: list[Claim]) -> frozenset[Answer]:
    """All greatest kinds over the choices of each claim."""
    least = max(min(claim.kinds) for claim in claims)
    return frozenset(kind for claim in claims for kind in claim.kinds if kind >= least)


def stretches(claims: list[Claim], policy: Policy = strictest) -> Iterator[Stretch]:
    """The whole 64-bit address space from 0 on, cut where a claim begins or ends."""
    edges = {0, U64_LIMIT}
    for claim in claims:
        edges |= {claim.start, claim.end}
    order = {claim: number for number, claim in enumerate(claims)}
    waiting = sorted(order, key=lambda claim: claim.start, reverse=True)
    active: list[Claim] = []
    for start, end in pairwise(sorted(edges)):
        active = [claim for claim in active if claim.end > start]
        while waiting and waiting[-1].start <= start:
            active.append(waiting.pop())
        if active:
            active.sort(key=order.__getitem__)
            yield Stretch(start, end, policy(active), described=True)
        else:
            yield Stretch(start, end, HOLE, described=False)
