"""Shrinking a firmware map: fewer rows, then rounder addresses and smaller lengths."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from kernel_sim.checks.firmware_map import FirmwareMap, Row
from kernel_sim.checks.shrink import Attempts, fewest, simplest

ATTEMPTS: Final = 120
LONG: Final = 16
"""A map of more entries is tried with rows that stand for many."""
BOOT_ROW: Final = Row(0x10_0000, 0x10_0000)
"""The least memory to boot from: a map without it, or as much elsewhere, starts no kernel."""


def smallest_map(
    failing: FirmwareMap, fails: Callable[[FirmwareMap], bool], limit: int = ATTEMPTS
) -> FirmwareMap:
    """The smallest map found that still ``fails``; every map that is tried can boot.

    Args:
        failing: a map that fails.
        fails: whether a map fails in the same way.
        limit: how many maps may be tried.
    """
    tried: dict[FirmwareMap, bool] = {failing: True}

    def still_fails(candidate: FirmwareMap) -> bool:
        if candidate not in tried:
            tried[candidate] = candidate.boots() and fails(candidate)
        return tried[candidate]

    attempts = Attempts(limit)
    regular = _regular(failing)
    if regular is not None and still_fails(regular):
        failing = regular
    rows = fewest(failing.rows, lambda part: still_fails(failing.with_rows(part)), attempts)
    return simplest(failing.with_rows(rows), _simpler, still_fails, attempts)


def first_small_map(
    failing: FirmwareMap, fails: Callable[[FirmwareMap], bool]
) -> FirmwareMap | None:
    """The first map of one row beside the least memory that ``fails``, or None.

    For plugins that take long to fail: what does not fail costs next to nothing.
    """
    for row in sorted(failing.rows, key=lambda row: row.length):
        candidate = failing.with_rows((BOOT_ROW, row))
        if candidate.boots() and fails(candidate):
            return candidate
    return None


def _regular(given: FirmwareMap) -> FirmwareMap | None:
    """Of a long map, one with as many entries that are all alike."""
    count = len(given.entries())
    if len(given.rows) <= LONG:
        return None
    block = Row(0x1000_0000, 0x1000, count=count - 2, step=0x2000)
    return given.with_rows((BOOT_ROW, block, Row(0x18_0000, 0x1000, 2)))


def _simpler(given: FirmwareMap) -> Iterator[FirmwareMap]:
    """Maps with one row simpler, or one row less."""
    if given.entry_size != 24:
        yield replace(given, entry_size=24)
    for index, row in enumerate(given.rows):
        if len(given.rows) > 1:
            yield given.with_rows([*given.rows[:index], *given.rows[index + 1 :]])
        for simpler in _simpler_rows(row):
            yield given.with_rows([*given.rows[:index], simpler, *given.rows[index + 1 :]])


def _simpler_rows(row: Row) -> Iterator[Row]:
    """The same row with one field simpler, the simplest first."""
    if row.count > 1:
        for count in (row.count // 2, row.count - row.count // 4, row.count - 8, row.count - 1):
            if 0 < count < row.count:
                yield replace(row, count=count)
    if row.attributes not in (0, 1):
        yield replace(row, attributes=row.attributes & 1)
    if row.attributes != 1:
        yield replace(row, attributes=1)
    if row not in (BOOT_ROW, replace(BOOT_ROW, type=row.type)):
        yield from _rounder(row)


def _rounder(row: Row) -> Iterator[Row]:
    """Fewer digits, shorter, lower; a row keeps its place relative to 4 GiB."""
    if row.base == BOOT_ROW.base and row.length > BOOT_ROW.length:
        yield replace(row, length=BOOT_ROW.length)
    for length in (0x1000, 1 << max(row.length.bit_length() - 1, 0)):
        if 0 < length < row.length:
            yield replace(row, length=length)
    for base in (0x20_0000, 0x1_0000_0000, row.base & ~0xFFFFF, row.base & ~0xFFF):
        if base < row.base and (base >> 32 > 0) == (row.base >> 32 > 0):
            yield replace(row, base=base)
