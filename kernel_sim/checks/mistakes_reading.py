"""Mistakes of reading: wrong widths, offsets, byte orders, counts and places.

The mistakes that explain any table at all come first.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from kernel_sim.addr import U64_LIMIT
from kernel_sim.checks.coverage import Claim, claim_of
from kernel_sim.checks.parser_model import Mistake, Table
from kernel_sim.machine import FirmwareEntry, machine_spec

Entries = list[FirmwareEntry]
LOW_32: Final = 0xFFFF_FFFF


def _at_stride(stride: int, table: Table) -> Entries:
    return [table.entry(k * stride) for k in range(table.count)]


def each(change: Callable[[FirmwareEntry], FirmwareEntry], table: Table) -> Entries:
    """All entries, each of them changed."""
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


def _masked(bits: int, entry: FirmwareEntry) -> Claim | None:
    return claim_of(replace(entry, type=entry.type & bits))


def with_length(change: Callable[[FirmwareEntry], int], entry: FirmwareEntry) -> Claim | None:
    """The claim of an entry with another length; none if that is not positive."""
    length = change(entry)
    return claim_of(replace(entry, length=length)) if length > 0 else None


READING: Final[tuple[Mistake, ...]] = (
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
        read=partial(each, lambda e: replace(e, base=e.base & LOW_32)),
    ),
    Mistake(
        "truncation-32-bit",
        "Only the low 32 bits of the length are left. Was the length read as 4 bytes, or masked?",
        read=partial(each, lambda e: replace(e, length=e.length & LOW_32)),
    ),
    Mistake(
        "truncation-32-bit",
        "Only the low 32 bits of base and length are left. Were they read as 4 bytes each?",
        read=partial(each, lambda e: replace(e, base=e.base & LOW_32, length=e.length & LOW_32)),
    ),
    Mistake(
        "truncation-32-bit",
        "Only the low 32 bits of the region's end are left.",
        claim=partial(with_length, lambda e: ((e.base + e.length - 1) & LOW_32) + 1 - e.base),
    ),
    Mistake(
        "truncation-32-bit",
        "Only the low 48 bits of the base are left.",
        read=partial(each, lambda e: replace(e, base=e.base & (1 << 48) - 1)),
    ),
    Mistake(
        "endianness",
        "The bytes are read in the wrong order: x86 is little-endian.",
        read=partial(each, _big_endian),
    ),
    Mistake(
        "endianness",
        "Base and length are read in the wrong byte order: x86 is little-endian.",
        read=partial(each, lambda e: replace(e, base=_swap(e.base, 8), length=_swap(e.length, 8))),
    ),
    Mistake(
        "endianness",
        "The type is read in the wrong byte order: x86 is little-endian.",
        read=partial(each, lambda e: replace(e, type=_swap(e.type, 4))),
    ),
    Mistake(
        "word-order",
        "The two halves of base and length are exchanged: the low 4 bytes come first.",
        read=partial(
            each,
            lambda e: replace(e, base=_halves_swapped(e.base), length=_halves_swapped(e.length)),
        ),
    ),
    Mistake(
        "field-order",
        "Base and length are exchanged: the base stands at offset 0, the length at 8.",
        read=partial(each, lambda e: replace(e, base=e.length, length=e.base)),
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
    *(
        Mistake(
            "capacity",
            f"The table ends after {size} entries, and what follows is lost.",
            read=partial(_first, size),
        )
        for size in (5, 8, 10, 16, 20, 32, 50, 64, 100, 128, 200, 250, 255)
    ),
    Mistake(
        "above-4g",
        "Regions are cut off at 4 GiB.",
        claim=partial(with_length, lambda e: min(e.length, max(0, (1 << 32) - e.base))),
    ),
)
