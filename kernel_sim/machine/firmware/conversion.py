"""The same memory under other firmware: an e820 or UEFI map for a machine that starts in long mode.

A map that is converted loses its overlaps: the more restrictive entry wins, as in `RegionKind`'s
order. Pieces keep the order of the entries that they come from.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from kernel_sim.addr import PAGE_SIZE, align_down, align_up
from kernel_sim.errors import InputError
from kernel_sim.machine.firmware.available import enabled_entries, merged
from kernel_sim.machine.firmware.maps import e820_type
from kernel_sim.machine.firmware.uefi import CACHED, UefiType
from kernel_sim.machine.spec import (
    LONG_MODE_FIRMWARE,
    TYPE_ACPI_NVS,
    TYPE_ACPI_RECLAIMABLE,
    TYPE_AVAILABLE,
    TYPE_PERSISTENT,
    TYPE_UNUSABLE,
    FirmwareEntry,
    MachineSpec,
)
from kernel_sim.values import AddrRange

_E820_TO_UEFI: Final = {
    TYPE_AVAILABLE: UefiType.CONVENTIONAL,
    TYPE_ACPI_RECLAIMABLE: UefiType.ACPI_RECLAIM,
    TYPE_ACPI_NVS: UefiType.ACPI_NVS,
    TYPE_UNUSABLE: UefiType.UNUSABLE,
    TYPE_PERSISTENT: UefiType.PERSISTENT,
}
_RANK: Final = {
    TYPE_AVAILABLE: 0,
    TYPE_ACPI_RECLAIMABLE: 1,
    TYPE_ACPI_NVS: 2,
    TYPE_PERSISTENT: 3,
    TYPE_UNUSABLE: 5,
}
_RESERVED_RANK: Final = 4
MAX_CONVERTED: Final = 2048
"""Entries that a map to be converted may have."""


def with_firmware(spec: MachineSpec, firmware: str) -> MachineSpec:
    """``spec``'s memory with ``firmware``: ``'uefi'`` or ``'bootinfo'``; itself if it has that.

    The name becomes ``NAME+FIRMWARE``, which `machine_spec` knows.

    Raises:
        InputError: there is no such firmware to convert to.
    """
    if spec.firmware == firmware:
        return spec
    if firmware not in LONG_MODE_FIRMWARE:
        raise InputError(
            f"no map is converted to {firmware!r}",
            where=f"machine {spec.name}",
            expected=" or ".join(LONG_MODE_FIRMWARE),
        )
    name = f"{spec.name.partition('+')[0]}+{firmware}"
    if spec.descriptors:
        descriptors = disjoint_descriptors(spec.descriptors)
        entries = as_e820(descriptors)
    else:
        entries = disjoint_entries(enabled_entries(spec))
        descriptors = ()
        if firmware == "uefi":
            descriptors = as_descriptors(entries)
            entries = as_e820(descriptors)
    return replace(
        spec,
        name=name,
        firmware=firmware,
        entries=entries,
        entry_size=24,
        pse=False,
        descriptors=descriptors,
    )


def as_e820(descriptors: Iterable[FirmwareEntry]) -> tuple[FirmwareEntry, ...]:
    """UEFI descriptors as e820 entries, one for each."""
    return tuple(FirmwareEntry(d.base, d.length, e820_type(d.type)) for d in descriptors)


def as_descriptors(entries: Sequence[FirmwareEntry]) -> tuple[FirmwareEntry, ...]:
    """Disjoint e820 entries as UEFI descriptors in whole pages.

    A page that several entries share goes to the most restrictive of them.
    """
    available = merged(AddrRange(e.base, e.end) for e in entries if e.type == TYPE_AVAILABLE)
    pages = []
    for entry in entries:
        whole = (
            _available_pages(entry, available) if entry.type == TYPE_AVAILABLE else _outward(entry)
        )
        if whole.length:
            pages.append(whole)
    return tuple(
        FirmwareEntry(
            item.base, item.length, _E820_TO_UEFI.get(item.type, UefiType.RESERVED), int(CACHED)
        )
        for item in disjoint_entries(pages)
    )


def _available_pages(entry: FirmwareEntry, available: list[AddrRange]) -> FirmwareEntry:
    """The pages of ``entry`` that are wholly available, with what lies beside it."""
    start, end = align_down(entry.base, PAGE_SIZE), align_up(entry.end, PAGE_SIZE)
    for item in available:
        if item.start <= entry.base < item.end:
            start = max(start, align_up(item.start, PAGE_SIZE))
            end = min(end, align_down(item.end, PAGE_SIZE))
    return replace(entry, base=start, length=max(0, end - start))


def _outward(entry: FirmwareEntry) -> FirmwareEntry:
    """All pages that ``entry`` touches."""
    start, end = align_down(entry.base, PAGE_SIZE), align_up(entry.end, PAGE_SIZE)
    return replace(entry, base=start, length=end - start)


def _inward(entry: FirmwareEntry) -> FirmwareEntry:
    """The pages that lie wholly in ``entry``."""
    start, end = align_up(entry.base, PAGE_SIZE), align_down(entry.end, PAGE_SIZE)
    return replace(entry, base=start, length=max(0, end - start))


def disjoint_entries(entries: Sequence[FirmwareEntry]) -> tuple[FirmwareEntry, ...]:
    """The entries without overlaps; of several at one byte the most restrictive keeps it."""
    return _disjoint(entries, [_RANK.get(entry.type, _RESERVED_RANK) for entry in entries])


def disjoint_descriptors(descriptors: Sequence[FirmwareEntry]) -> tuple[FirmwareEntry, ...]:
    """UEFI descriptors without overlaps and in whole pages."""
    whole = [_inward(d) if d.type == UefiType.CONVENTIONAL else _outward(d) for d in descriptors]
    ranks = [_RANK.get(e820_type(item.type), _RESERVED_RANK) for item in whole]
    return _disjoint(whole, ranks)


def _disjoint(entries: Sequence[FirmwareEntry], ranks: Sequence[int]) -> tuple[FirmwareEntry, ...]:
    """What each entry keeps when entries of greater rank, or earlier ones of equal, cut it.

    Raises:
        InputError: there are too many to compare each with each.
    """
    if len(entries) > MAX_CONVERTED:
        raise InputError(f"{len(entries)} entries to convert", expected=f"at most {MAX_CONVERTED}")
    result: list[FirmwareEntry] = []
    for index, entry in enumerate(entries):
        pieces = [(entry.base, entry.end)] if entry.length else []
        for other, rank in enumerate(ranks):
            wins = rank > ranks[index] or (rank == ranks[index] and other < index)
            if wins and entries[other].length:
                pieces = _cut(pieces, entries[other])
        result += [replace(entry, base=start, length=end - start) for start, end in pieces]
    return tuple(result)


def _cut(pieces: list[tuple[int, int]], hole: FirmwareEntry) -> list[tuple[int, int]]:
    """``pieces`` without the bytes of ``hole``."""
    left = [(start, min(end, hole.base)) for start, end in pieces]
    right = [(max(start, hole.end), end) for start, end in pieces]
    return [
        piece for pair in zip(left, right, strict=True) for piece in pair if piece[0] < piece[1]
    ]
