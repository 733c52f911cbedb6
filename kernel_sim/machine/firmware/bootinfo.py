"""The boot information of the ``bootloader`` crate's kind: a region list and a block of fields.

A region, 24 bytes; ``end`` is exclusive, ``value`` the firmware's own type::

    0 start u64 | 8 end u64 | 16 kind u32 | 20 value u32

The block, at ``BootInfo.handoff``; addresses are virtual where nothing else is said::

    0  regions u64                  8  region count u64
    16 physical_memory_offset u64   24 framebuffer u64 (physical; 0: none)
    32 framebuffer_size u64         40 width u32    44 height u32
    48 stride u32 (pixels a row)    52 bytes_per_pixel u32
    56 rsdp u64 (physical; 0: none) 64 kernel_addr u64 (physical)
    72 kernel_len u64               80 kernel_image_offset u64

Rules (BD-U6): the order is the firmware's; memory that only boot services, the loader or runtime
services held is usable; usable regions are split around what the bootloader used; empty pieces are
dropped; nothing is rounded to pages.
"""

import struct
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from enum import IntEnum
from typing import Final, Self

from kernel_sim.addr import PAGE_SIZE, U64_LIMIT
from kernel_sim.errors import InputError
from kernel_sim.machine.firmware.carving import pieces
from kernel_sim.machine.spec import TYPE_AVAILABLE, FirmwareEntry
from kernel_sim.values import AddrRange

REGION_BYTES: Final = 24
_REGION: Final = struct.Struct("<QQII")
_BLOCK: Final = struct.Struct("<QQQQQIIIIQQQQ")
BOOTINFO_BYTES: Final = _BLOCK.size
_CONVENTIONAL: Final = 7
_FREE_AFTER_EXIT: Final = frozenset({1, 2, 3, 4, 5, 6})
"""UEFI types of loader, boot services and runtime services, code and data."""
_LAST_END: Final = U64_LIMIT - PAGE_SIZE
"""The end of a region is a u64: what lies in the last page is not listed."""


class BootRegionKind(IntEnum):
    """What the bootloader says of a region."""

    USABLE = 0
    BOOTLOADER = 1
    """In use: the kernel image, boot stack, page tables and this information."""
    UNKNOWN_UEFI = 2
    UNKNOWN_BIOS = 3


@dataclass(frozen=True, slots=True)
class BootRegion:
    """A region as the bootloader lists it: bytes ``[start, end)``."""

    start: int
    end: int
    kind: BootRegionKind
    value: int = 0


@dataclass(frozen=True, slots=True)
class BootBlock:
    """The block drawn above, field for field."""

    regions: int
    region_count: int
    physical_memory_offset: int
    framebuffer: int
    framebuffer_size: int
    width: int
    height: int
    stride: int
    bytes_per_pixel: int
    rsdp: int
    kernel_addr: int
    kernel_len: int
    kernel_image_offset: int

    def encode(self) -> bytes:
        """The `BOOTINFO_BYTES` bytes of the block."""
        return _BLOCK.pack(*astuple(self))

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The block in the first bytes of ``data``.

        Raises:
            InputError: there are fewer bytes.
        """
        if len(data) < BOOTINFO_BYTES:
            raise InputError(
                f"boot information of {len(data)} bytes", expected=f"{BOOTINFO_BYTES} or more"
            )
        return cls(*_BLOCK.unpack_from(data))


def boot_regions(
    firmware_map: Sequence[FirmwareEntry], used: Sequence[AddrRange], *, uefi: bool
) -> list[BootRegion]:
    """The regions that the bootloader makes of ``firmware_map`` when it has used ``used``."""
    unknown = BootRegionKind.UNKNOWN_UEFI if uefi else BootRegionKind.UNKNOWN_BIOS
    regions = []
    for entry in firmware_map:
        place = AddrRange(min(entry.base, _LAST_END), min(entry.end, _LAST_END))
        if _is_usable(entry.type, uefi=uefi):
            regions += [
                BootRegion(piece.start, piece.end, _kind(owner))
                for piece, owner in pieces(place, used)
            ]
        elif place:
            regions.append(BootRegion(place.start, place.end, unknown, entry.type))
    return regions


def _kind(owner: AddrRange | None) -> BootRegionKind:
    return BootRegionKind.USABLE if owner is None else BootRegionKind.BOOTLOADER


def _is_usable(kind: int, *, uefi: bool) -> bool:
    if uefi:
        return kind == _CONVENTIONAL or kind in _FREE_AFTER_EXIT
    return kind == TYPE_AVAILABLE


def encode_regions(regions: Sequence[BootRegion]) -> bytes:
    """The region list as bytes."""
    return b"".join(_REGION.pack(r.start, r.end, r.kind, r.value) for r in regions)


def decode_regions(data: bytes) -> list[BootRegion]:
    """The regions in ``data``: ``cpu.read(boot_info.table, boot_info.count * REGION_BYTES)``."""
    return [
        BootRegion(start, end, BootRegionKind(kind), value)
        for start, end, kind, value in _REGION.iter_unpack(data)
    ]
