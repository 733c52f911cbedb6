"""Mistakes about intervals: ends, edges, neighbours and overlaps."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Final

from kernel_sim.addr import U64_LIMIT
from kernel_sim.checks.coverage import HOLE, Answer, Claim, claim_of
from kernel_sim.checks.mistakes_reading import each, with_length
from kernel_sim.checks.parser_model import Mistake, those_that_count
from kernel_sim.machine import FirmwareEntry
from kernel_sim.values import RegionKind

Entries = list[FirmwareEntry]
_A: Final = RegionKind.AVAILABLE
_R: Final = RegionKind.RESERVED
_U: Final = RegionKind.UNUSABLE
_REC: Final = RegionKind.ACPI_RECLAIMABLE
_NVS: Final = RegionKind.ACPI_NVS


def _one_byte_at_least(entries: Entries) -> Entries:
    return [replace(e, length=e.length or 1) for e in entries if e.attributes & 1]


def _in_order(entries: Entries) -> Entries:
    return sorted(those_that_count(entries), key=lambda entry: entry.base)


def _joined(touch: Callable[[FirmwareEntry, FirmwareEntry], bool], entries: Entries) -> Entries:
    """Neighbours made one where ``touch`` says so; the first one's type stays."""
    made: Entries = []
    for entry in _in_order(entries):
        if made and touch(made[-1], entry):
            end = max(made[-1].base + made[-1].length, entry.base + entry.length)
            made[-1] = replace(made[-1], length=end - made[-1].base)
        else:
            made.append(entry)
    return made


def _adjacent(one: FirmwareEntry, two: FirmwareEntry) -> bool:
    return one.base + one.length == two.base


def _adjacent_or_over(one: FirmwareEntry, two: FirmwareEntry) -> bool:
    return one.base + one.length >= two.base


def _same_type(one: FirmwareEntry, two: FirmwareEntry) -> bool:
    return one.type == two.type


def _cut_at_next(entries: Entries) -> Entries:
    """Each entry ends where the next begins; what the outer one holds behind the inner is lost."""
    ordered = _in_order(entries)
    cut = [
        replace(one, length=min(one.length, two.base - one.base)) for one, two in pairwise(ordered)
    ]
    return [entry for entry in [*cut, *ordered[-1:]] if entry.length]


def _overlapping_left_out(entries: Entries) -> Entries:
    """An entry that overlaps one taken before is left out."""
    taken: Entries = []
    for entry in those_that_count(entries):
        end = entry.base + entry.length
        if all(end <= other.base or other.base + other.length <= entry.base for other in taken):
            taken.append(entry)
    return taken


def _wrapped(entry: FirmwareEntry) -> Claim | None:
    end = (entry.base + entry.length) % U64_LIMIT
    claim = claim_of(entry)
    if entry.base + entry.length <= U64_LIMIT:
        return claim
    return claim._replace(start=min(entry.base, end), end=max(entry.base, end), optional=False)


def _from_zero(entry: FirmwareEntry) -> Claim | None:
    """A wrapped end, with the part at the bottom of memory."""
    if entry.base + entry.length <= U64_LIMIT:
        return claim_of(entry)
    end = (entry.base + entry.length) % U64_LIMIT
    return Claim(0, end, claim_of(entry).kinds) if end else None


def _rounded(down: bool, up: bool, entry: FirmwareEntry) -> Claim | None:
    """Edges at page boundaries: base ``down`` or up, end ``up`` or down."""
    end = entry.base + entry.length
    base = entry.base & ~0xFFF if down else (entry.base + 0xFFF) & ~0xFFF
    end = (end + 0xFFF) & ~0xFFF if up else end & ~0xFFF
    return claim_of(replace(entry, base=base, length=end - base)) if end > base else None


def _last(claims: list[Claim]) -> frozenset[Answer]:
    return frozenset(claims[-1].kinds) | (HOLE if claims[-1].optional else frozenset())


def _first_claim(claims: list[Claim]) -> frozenset[Answer]:
    return frozenset(claims[0].kinds) | (HOLE if claims[0].optional else frozenset())


def _by(key: Callable[[Claim], int], claims: list[Claim]) -> frozenset[Answer]:
    return frozenset(max(claims, key=key).kinds)


def _hidden_available(claims: list[Claim]) -> frozenset[Answer]:
    """Restricted memory covers available memory; among restricted the last entry wins."""
    return _last([claim for claim in claims if min(claim.kinds) is not _A] or claims)


def _strictest_of(order: tuple[RegionKind, ...], claims: list[Claim]) -> frozenset[Answer]:
    return frozenset(max(claims, key=lambda claim: order.index(min(claim.kinds))).kinds)


_LOOSEST_FIRST: Final = partial(_by, lambda claim: -min(claim.kinds))
_GREATEST_TYPE: Final = partial(_by, lambda claim: claim.type)
_LATEST_START: Final = partial(_by, lambda claim: claim.start)
_EARLIEST_START: Final = partial(_by, lambda claim: -claim.start)
_RESERVED_LAST: Final = partial(_strictest_of, (_A, _REC, _NVS, RegionKind.PERSISTENT, _U, _R))
_ACPI_LAST: Final = partial(_strictest_of, (_A, RegionKind.PERSISTENT, _R, _U, _REC, _NVS))
_RESERVED_EARLY: Final = partial(_strictest_of, (_A, _R, _REC, _NVS, RegionKind.PERSISTENT, _U))
_RECLAIMABLE_OVER_NVS: Final = partial(
    _strictest_of, (_A, _NVS, _REC, RegionKind.PERSISTENT, _R, _U)
)


REGIONS: Final[tuple[Mistake, ...]] = (
    Mistake(
        "wrap-around",
        "base + length is taken modulo 2^64, so the end lies below the base.",
        claim=_wrapped,
    ),
    Mistake(
        "wrap-around",
        "base + length wraps round, and memory from 0 on is taken for it.",
        claim=_from_zero,
    ),
    Mistake(
        "half-open",
        "Regions are one byte too short: the end is not part of a region.",
        claim=partial(with_length, lambda e: e.length - 1),
    ),
    Mistake(
        "half-open",
        "Regions are one byte too long: the end is not part of a region.",
        claim=partial(with_length, lambda e: e.length + 1),
    ),
    Mistake(
        "length-is-end",
        "The second field is the length, not the end of the region.",
        claim=partial(with_length, lambda e: e.length - e.base),
    ),
    Mistake(
        "length-is-end",
        "The region's length holds the end: base + length.",
        claim=partial(with_length, lambda e: e.base + e.length),
    ),
    Mistake(
        "zero-length",
        "An entry of length 0 covers nothing, not even one byte.",
        keep=_one_byte_at_least,
    ),
    Mistake(
        "page-rounding",
        "The base is rounded down to a page, and the end moves with it.",
        read=partial(each, lambda e: replace(e, base=e.base & ~0xFFF)),
    ),
    Mistake(
        "page-rounding",
        "Edges are rounded to pages here; that is the allocator's work.",
        claim=partial(_rounded, False, False),
    ),
    Mistake(
        "page-rounding",
        "Edges are rounded outward to pages, so memory is added.",
        claim=partial(_rounded, True, True),
    ),
    Mistake(
        "page-rounding", "Edges are rounded down to pages.", claim=partial(_rounded, True, False)
    ),
    Mistake(
        "merge-kinds",
        "Neighbours of different kinds are joined; only equal kinds may be.",
        keep=partial(_joined, _adjacent),
    ),
    Mistake(
        "merge-kinds",
        "Neighbours of different kinds are joined; only equal kinds may be.",
        keep=partial(_joined, _adjacent_or_over),
    ),
    Mistake(
        "merge-gap",
        "Regions of the same kind are joined over the gap between them.",
        keep=partial(_joined, _same_type),
    ),
    Mistake(
        "overlap-nested",
        "A region that lies inside another: what follows it is lost.",
        keep=_cut_at_next,
    ),
    Mistake(
        "overlap-dropped",
        "An entry that overlaps an earlier one is left out as a whole.",
        keep=_overlapping_left_out,
    ),
    Mistake(
        "overlap-priority",
        "Where entries overlap the last one wins; the strictest has to.",
        policy=_last,
    ),
    Mistake(
        "overlap-priority",
        "Where entries overlap the first one wins; the strictest has to.",
        policy=_first_claim,
    ),
    Mistake(
        "overlap-priority",
        "Where entries overlap the least strict kind wins.",
        policy=_LOOSEST_FIRST,
    ),
    Mistake(
        "overlap-priority",
        "Where entries overlap the greatest type number wins; the strictest kind has to.",
        policy=_GREATEST_TYPE,
    ),
    Mistake(
        "overlap-priority",
        "Where entries overlap the one that starts later wins.",
        policy=_LATEST_START,
    ),
    Mistake(
        "overlap-priority",
        "Where entries overlap the one that starts first wins.",
        policy=_EARLIEST_START,
    ),
    Mistake(
        "overlap-priority",
        "Among restricted kinds the last entry wins, not the strictest.",
        policy=_hidden_available,
    ),
    Mistake(
        "overlap-priority", "Unusable memory has to win against Reserved.", policy=_RESERVED_LAST
    ),
    Mistake("overlap-priority", "Reserved has to win against ACPI memory.", policy=_ACPI_LAST),
    Mistake("overlap-priority", "Reserved has to win against ACPI memory.", policy=_RESERVED_EARLY),
    Mistake(
        "overlap-priority",
        "ACPI NVS has to win against reclaimable memory.",
        policy=_RECLAIMABLE_OVER_NVS,
    ),
)
