"""The typical mistakes of Lab 1, made one at a time: the knowledge base of likely causes.

The order decides where several mistakes explain the same table: what is more usual stands first.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from kernel_sim.addr import U64_LIMIT
from kernel_sim.checks.coverage import HOLE, Answer, Claim, claim_of
from kernel_sim.checks.parser_model import Mistake, Table, those_that_count
from kernel_sim.machine import FirmwareEntry, machine_spec
from kernel_sim.values import RegionKind

Entries = list[FirmwareEntry]
LOW_32: Final = 0xFFFF_FFFF
_A, _R, _U = RegionKind.AVAILABLE, RegionKind.RESERVED, RegionKind.UNUSABLE
_REC, _NVS = RegionKind.ACPI_RECLAIMABLE, RegionKind.ACPI_NVS


# --- reading --------------------------------------------------------------------------------------


def _at_stride(stride: int, table: Table) -> Entries:
    return [table.entry(k * stride) for k in range(table.count)]


def _each(change: Callable[[FirmwareEntry], FirmwareEntry], table: Table) -> Entries:
    return [change(entry) for entry in table.entries()]


def _swap(value: int, size: int) -> int:
    return int.from_bytes(value.to_bytes(size, "little"), "big")


def _big_endian(entry: FirmwareEntry) -> FirmwareEntry:
    base, length = _swap(entry.base, 8), _swap(entry.length, 8)
    return FirmwareEntry(base, length, _swap(entry.type, 4), entry.attributes)


def _halves_swapped(value: int) -> int:
    return (value & LOW_32) << 32 | value >> 32


def _type_at_20(table: Table) -> Entries:
    return [replace(table.entry(at), type=table.number(at + 20, 4)) for at in table.offsets()]


def _type_of_8(table: Table) -> Entries:
    return [replace(table.entry(at), type=table.number(at + 16, 8)) for at in table.offsets()]


def _from_second(table: Table) -> Entries:
    return table.entries()[1:]


def _first(count: int, table: Table) -> Entries:
    return table.entries()[:count]


def _pc128(_table: Table) -> Entries:
    return list(machine_spec("pc128").entries)


def _at_0x5000(table: Table) -> Entries:
    """Where no memory answers, all ones are read."""
    if table.address == 0x5000:
        return table.entries()
    ones = U64_LIMIT - 1
    return [FirmwareEntry(ones, ones, LOW_32, LOW_32)] * table.count


def _count_of_8_bits(table: Table) -> Entries:
    return table.entries()[: table.count & 0xFF]


def _one_short(table: Table) -> Entries:
    return table.entries()[:-1]


def _attribute_behind(table: Table) -> Entries:
    """The word behind a 20-byte entry is the next one's base."""
    return [replace(table.entry(at), attributes=table.number(at + 20, 4)) for at in table.offsets()]


# --- what counts ----------------------------------------------------------------------------------


def _all_not_empty(entries: Entries) -> Entries:
    return [entry for entry in entries if entry.length]


def _one_byte_at_least(entries: Entries) -> Entries:
    return [replace(e, length=e.length or 1) for e in entries if e.attributes & 1]


def _where(test: Callable[[FirmwareEntry], bool], entries: Entries) -> Entries:
    return [entry for entry in entries if entry.length and test(entry)]


def _until(stop: Callable[[FirmwareEntry], bool], entries: Entries) -> Entries:
    taken: Entries = []
    for entry in entries:
        if stop(entry):
            break
        taken.append(entry)
    return those_that_count(taken)


def _only(test: Callable[[FirmwareEntry], bool], entries: Entries) -> Entries:
    return [entry for entry in those_that_count(entries) if test(entry)]


def _in_order(entries: Entries) -> Entries:
    return sorted(those_that_count(entries), key=lambda entry: entry.base)


def _joined(touch: Callable[[FirmwareEntry, FirmwareEntry], bool], entries: Entries) -> Entries:
    """Neighbours in order of address made one where ``touch`` says so; the first one's type stays."""
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
        replace(one, length=min(one.length, two.base - one.base))
        for one, two in zip(ordered, ordered[1:], strict=False)
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


# --- classes --------------------------------------------------------------------------------------


def _known_as(
    kinds: dict[int, RegionKind], unknown: RegionKind | None, entry: FirmwareEntry
) -> Claim | None:
    claim = claim_of(entry)
    if entry.type in kinds:
        return claim._replace(kinds=frozenset({kinds[entry.type]}))
    if 1 <= entry.type <= 5 or unknown is None:
        return claim
    return claim._replace(kinds=frozenset({unknown}))


def _masked(bits: int, entry: FirmwareEntry) -> Claim | None:
    return claim_of(replace(entry, type=entry.type & bits))


def _type_is_kind(entry: FirmwareEntry) -> Claim | None:
    if entry.type not in set(RegionKind):
        return claim_of(entry)
    return claim_of(entry)._replace(kinds=frozenset({RegionKind(entry.type)}))


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


def _with_length(change: Callable[[FirmwareEntry], int], entry: FirmwareEntry) -> Claim | None:
    length = change(entry)
    return claim_of(replace(entry, length=length)) if length > 0 else None


def _rounded(down: bool, up: bool, entry: FirmwareEntry) -> Claim | None:
    """Edges moved to page boundaries: ``down`` at the base, ``up`` at the end, else the other way."""
    end = entry.base + entry.length
    base = entry.base & ~0xFFF if down else (entry.base + 0xFFF) & ~0xFFF
    end = (end + 0xFFF) & ~0xFFF if up else end & ~0xFFF
    return claim_of(replace(entry, base=base, length=end - base)) if end > base else None


# --- overlaps -------------------------------------------------------------------------------------


def _last(claims: list[Claim]) -> frozenset[Answer]:
    return frozenset(claims[-1].kinds) | (HOLE if claims[-1].optional else frozenset())


def _first_claim(claims: list[Claim]) -> frozenset[Answer]:
    return frozenset(claims[0].kinds) | (HOLE if claims[0].optional else frozenset())


def _by(key: Callable[[Claim], int], claims: list[Claim]) -> frozenset[Answer]:
    return frozenset(max(claims, key=key).kinds)


_LOOSEST_FIRST: Final = partial(_by, lambda claim: -min(claim.kinds))
_GREATEST_TYPE: Final = partial(_by, lambda claim: claim.type)
_LATEST_START: Final = partial(_by, lambda claim: claim.start)
_EARLIEST_START: Final = partial(_by, lambda claim: -claim.start)


def _hidden_available(claims: list[Claim]) -> frozenset[Answer]:
    """Restricted memory covers available memory; among restricted the last entry wins."""
    return _last([claim for claim in claims if min(claim.kinds) is not _A] or claims)


def _strictest_of(order: tuple[RegionKind, ...], claims: list[Claim]) -> frozenset[Answer]:
    return frozenset(max(claims, key=lambda claim: order.index(min(claim.kinds))).kinds)


_RESERVED_LAST: Final = partial(_strictest_of, (_A, _REC, _NVS, RegionKind.PERSISTENT, _U, _R))
_ACPI_LAST: Final = partial(_strictest_of, (_A, RegionKind.PERSISTENT, _R, _U, _REC, _NVS))
_RESERVED_EARLY: Final = partial(_strictest_of, (_A, _R, _REC, _NVS, RegionKind.PERSISTENT, _U))
_RECLAIMABLE_OVER_NVS: Final = partial(
    _strictest_of, (_A, _NVS, _REC, RegionKind.PERSISTENT, _R, _U)
)


def _low(entry: FirmwareEntry) -> int:
    return entry.length & LOW_32


MISTAKES: Final[tuple[Mistake, ...]] = (
    Mistake("missing-memory", "The table that came back is empty.", keep=lambda _: []),
    Mistake("hard-coded", "This is the table of pc128, whatever the firmware says.", read=_pc128),
    Mistake(
        "hard-coded",
        "The table is read from 0x5000; on this machine it lies where boot_info.table says.",
        read=_at_0x5000,
    ),
    Mistake(
        "hard-coded",
        "Six entries are read, as pc128 has; boot_info.count says how many.",
        read=partial(_first, 6),
    ),
    # reading
    *(
        Mistake(
            "stride",
            f"Are entries taken to be {size} bytes apart? The distance is boot_info.entry_size.",
            read=partial(_at_stride, size),
        )
        for size in (20, 24, 32, 28, 16)
    ),
    Mistake(
        "truncation-32-bit",
        "Only the low 32 bits of the base are left. Was the base read as 4 bytes, or masked?",
        read=partial(_each, lambda e: replace(e, base=e.base & LOW_32)),
    ),
    Mistake(
        "truncation-32-bit",
        "Only the low 32 bits of the length are left. Was the length read as 4 bytes, or masked?",
        read=partial(_each, lambda e: replace(e, length=e.length & LOW_32)),
    ),
    Mistake(
        "truncation-32-bit",
        "Only the low 32 bits of base and length are left. Were they read as 4 bytes each?",
        read=partial(_each, lambda e: replace(e, base=e.base & LOW_32, length=e.length & LOW_32)),
    ),
    Mistake(
        "truncation-32-bit",
        "Only the low 32 bits of the region's end are left.",
        claim=partial(_with_length, lambda e: ((e.base + e.length - 1) & LOW_32) + 1 - e.base),
    ),
    Mistake(
        "truncation-32-bit",
        "Only the low 48 bits of the base are left.",
        read=partial(_each, lambda e: replace(e, base=e.base & (1 << 48) - 1)),
    ),
    Mistake(
        "above-4g",
        "Regions from 4 GiB on are left out. A kernel may not use them, but has to know them.",
        keep=partial(_only, lambda e: e.base < 1 << 32),
    ),
    Mistake(
        "above-4g",
        "Regions are cut off at 4 GiB.",
        claim=partial(_with_length, lambda e: min(e.length, max(0, (1 << 32) - e.base))),
    ),
    Mistake(
        "endianness",
        "The bytes are read in the wrong order: x86 is little-endian.",
        read=partial(_each, _big_endian),
    ),
    Mistake(
        "endianness",
        "Base and length are read in the wrong byte order: x86 is little-endian.",
        read=partial(_each, lambda e: replace(e, base=_swap(e.base, 8), length=_swap(e.length, 8))),
    ),
    Mistake(
        "endianness",
        "The type is read in the wrong byte order: x86 is little-endian.",
        read=partial(_each, lambda e: replace(e, type=_swap(e.type, 4))),
    ),
    Mistake(
        "word-order",
        "The two halves of base and length are exchanged: the low 4 bytes come first.",
        read=partial(
            _each,
            lambda e: replace(e, base=_halves_swapped(e.base), length=_halves_swapped(e.length)),
        ),
    ),
    Mistake(
        "field-order",
        "Base and length are exchanged: the base stands at offset 0, the length at 8.",
        read=partial(_each, lambda e: replace(e, base=e.length, length=e.base)),
    ),
    Mistake(
        "attribute-word",
        "The type is read from offset 20, where the attributes stand; it is at offset 16.",
        read=_type_at_20,
    ),
    Mistake(
        "type-width",
        "The type is read with 8 bytes, so the attributes become its upper half; it has 4.",
        read=_type_of_8,
    ),
    Mistake(
        "type-width",
        "Only the lowest byte of the type is looked at; it has 4 bytes.",
        claim=partial(_masked, 0xFF),
    ),
    Mistake(
        "type-width",
        "Only the low 2 bytes of the type are looked at; it has 4.",
        claim=partial(_masked, 0xFFFF),
    ),
    Mistake(
        "off-by-one", "The first entry is missing: entries are counted from 0.", read=_from_second
    ),
    Mistake(
        "off-by-one",
        "The last entry is missing: there are boot_info.count of them.",
        read=_one_short,
    ),
    Mistake(
        "off-by-one",
        "One entry too many is read: there are boot_info.count of them, numbered from 0.",
        read=lambda table: _at_stride(table.entry_size, replace(table, count=table.count + 1)),
    ),
    Mistake(
        "count-width",
        "The count seems to be taken from one byte; it has two.",
        read=_count_of_8_bits,
    ),
    # which entries count
    Mistake(
        "acpi3-ignore",
        "An entry whose attribute bit 0 is clear has to be ignored.",
        keep=_all_not_empty,
    ),
    Mistake(
        "acpi3-ignore",
        "Entries with attribute bit 0 set are ignored: the bit says that an entry counts.",
        keep=partial(_where, lambda e: not e.attributes & 1),
    ),
    Mistake(
        "acpi3-mask",
        "The attributes are compared with 1; only bit 0 decides, others may be set.",
        keep=partial(_where, lambda e: e.attributes == 1),
    ),
    Mistake(
        "acpi3-mask",
        "Any attribute bit makes the entry count; only bit 0 decides.",
        keep=partial(_where, lambda e: e.attributes != 0),
    ),
    Mistake(
        "acpi3-short-entry",
        "Entries of 20 bytes have no attributes; what stands behind one is the next one's base.",
        read=_attribute_behind,
    ),
    Mistake(
        "stops-early",
        "Reading stops at the first entry that is not available memory.",
        keep=partial(_until, lambda e: e.type != 1),
    ),
    Mistake(
        "stops-early",
        "Reading stops at the first entry of length 0; such an entry is no end mark.",
        keep=partial(_until, lambda e: not e.length),
    ),
    Mistake(
        "stops-early",
        "Reading stops at the first entry that is switched off.",
        keep=partial(_until, lambda e: not e.attributes & 1),
    ),
    Mistake(
        "stops-early",
        "Reading stops at the first type that is not known.",
        keep=partial(_until, lambda e: not 1 <= e.type <= 5),
    ),
    Mistake(
        "available-only",
        "Only available memory is in the table. The others are needed, too: what is reserved "
        "has to be known.",
        keep=partial(_only, lambda e: e.type == 1),
    ),
    *(
        Mistake(
            "capacity",
            f"The table ends after {size} entries, and what follows is lost.",
            read=partial(_first, size),
        )
        for size in (5, 8, 10, 16, 20, 32, 50, 64, 100, 128, 200, 250, 255)
    ),
    # classes
    Mistake(
        "class-bad-ram",
        "Type 5 is bad memory. It is not merely reserved: it is Unusable.",
        claim=partial(_known_as, {5: _R}, None),
    ),
    Mistake(
        "class-bad-ram",
        "Type 5 is bad memory, and it became available.",
        claim=partial(_known_as, {5: _A}, None),
    ),
    Mistake(
        "class-unknown",
        "A type that is not known became available.",
        claim=partial(_known_as, {}, _A),
    ),
    Mistake(
        "class-unknown",
        "Whatever is not type 2 became available.",
        claim=partial(_known_as, {3: _A, 4: _A, 5: _A}, _A),
    ),
    Mistake(
        "class-unknown",
        "Types 5 and above became available.",
        claim=partial(_known_as, {5: _A}, _A),
    ),
    Mistake(
        "class-unknown",
        "A type that is not known became ACPI memory.",
        claim=partial(_known_as, {}, _REC),
    ),
    Mistake(
        "class-unknown",
        "A type that is not known became ACPI NVS memory.",
        claim=partial(_known_as, {}, _NVS),
    ),
    Mistake(
        "class-unknown",
        "A type that is not known became persistent memory.",
        claim=partial(_known_as, {}, RegionKind.PERSISTENT),
    ),
    Mistake(
        "class-unknown-dropped",
        "Entries of a type that is not known are left out; they are memory that nobody may use.",
        keep=partial(_only, lambda e: 1 <= e.type <= 5),
    ),
    Mistake(
        "class-unknown-dropped",
        "Entries of a type that is not known are left out; they are memory that nobody may use.",
        keep=partial(_only, lambda e: 1 <= e.type <= 5 or e.type in (7, 12)),
    ),
    Mistake(
        "class-persistent",
        "Persistent memory (types 7 and 12) became available.",
        claim=partial(_known_as, {7: _A, 12: _A}, None),
    ),
    Mistake(
        "class-persistent",
        "Persistent memory (type 7) became available.",
        claim=partial(_known_as, {7: _A}, None),
    ),
    Mistake(
        "class-acpi",
        "ACPI tables (type 3) became available at once.",
        claim=partial(_known_as, {3: _A}, None),
    ),
    Mistake(
        "class-acpi",
        "ACPI NVS memory (type 4) is not reclaimable: the firmware needs it.",
        claim=partial(_known_as, {4: _REC}, None),
    ),
    Mistake(
        "class-acpi",
        "Types 3 and 4 are exchanged: 3 is reclaimable, 4 is NVS.",
        claim=partial(_known_as, {3: _NVS, 4: _REC}, None),
    ),
    Mistake(
        "class-acpi",
        "Type 3, the ACPI tables, is reclaimable, not NVS.",
        claim=partial(_known_as, {3: _NVS}, None),
    ),
    Mistake(
        "class-acpi",
        "ACPI memory (types 3 and 4) has kinds of its own, it is not Reserved.",
        claim=partial(_known_as, {3: _R, 4: _R}, None),
    ),
    Mistake(
        "class-acpi",
        "ACPI NVS memory (type 4) has a kind of its own, it is not Reserved.",
        claim=partial(_known_as, {4: _R}, None),
    ),
    Mistake(
        "class-acpi",
        "ACPI memory (types 3 and 4) became available.",
        claim=partial(_known_as, {3: _A, 4: _A}, None),
    ),
    Mistake(
        "class-only-two",
        "Whatever is not available became Reserved; there are more kinds.",
        claim=partial(_known_as, {3: _R, 4: _R, 5: _R}, _R),
    ),
    Mistake(
        "class-reserved",
        "Reserved memory (type 2) is in the table as Unusable.",
        claim=partial(_known_as, {2: _U}, None),
    ),
    Mistake(
        "class-reserved",
        "Reserved memory (type 2) became available.",
        claim=partial(_known_as, {2: _A}, None),
    ),
    Mistake(
        "kind-is-type",
        "The firmware's type number is used as RegionKind; the numbers differ.",
        claim=_type_is_kind,
    ),
    # intervals
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
        claim=partial(_with_length, lambda e: e.length - 1),
    ),
    Mistake(
        "half-open",
        "Regions are one byte too long: the end is not part of a region.",
        claim=partial(_with_length, lambda e: e.length + 1),
    ),
    Mistake(
        "length-is-end",
        "The second field is the length, not the end of the region.",
        claim=partial(_with_length, lambda e: e.length - e.base),
    ),
    Mistake(
        "length-is-end",
        "The region's length holds the end: base + length.",
        claim=partial(_with_length, lambda e: e.base + e.length),
    ),
    Mistake(
        "zero-length",
        "An entry of length 0 covers nothing, not even one byte.",
        keep=_one_byte_at_least,
    ),
    Mistake(
        "page-rounding",
        "The base is rounded down to a page, and the end moves with it.",
        read=partial(_each, lambda e: replace(e, base=e.base & ~0xFFF)),
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
    # neighbours
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
    # overlaps
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
