"""Mistakes about which entries count: attributes, an early end, entries left out."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from kernel_sim.checks.parser_model import Mistake, Table, those_that_count
from kernel_sim.machine import FirmwareEntry

Entries = list[FirmwareEntry]


def _attribute_behind(table: Table) -> Entries:
    """The word behind a 20-byte entry is the next one's base."""
    return [replace(table.entry(at), attributes=table.number(at + 20, 4)) for at in table.offsets()]


def _all_not_empty(entries: Entries) -> Entries:
    return [entry for entry in entries if entry.length]


def _where(test: Callable[[FirmwareEntry], bool], entries: Entries) -> Entries:
    return [entry for entry in entries if entry.length and test(entry)]


def _until(stop: Callable[[FirmwareEntry], bool], entries: Entries) -> Entries:
    taken: Entries = []
    for entry in entries:
        if stop(entry):
            break
        taken.append(entry)
    return those_that_count(taken)


def only(test: Callable[[FirmwareEntry], bool], entries: Entries) -> Entries:
    """Of the entries that count, those that pass ``test``."""
    return [entry for entry in those_that_count(entries) if test(entry)]


ENTRIES: Final[tuple[Mistake, ...]] = (
    Mistake(
        "above-4g",
        "Regions from 4 GiB on are left out. A kernel may not use them, but has to know them.",
        keep=partial(only, lambda e: e.base < 1 << 32),
    ),
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
        keep=partial(only, lambda e: e.type == 1),
    ),
)
