"""UEFI: memory descriptors of any stride, and the block that a UEFI loader hands to its kernel.

A version 1 descriptor; the next one begins ``descriptor_size`` bytes on, not 40 (TH-U1)::

    0 type u32 | 4 zero | 8 physical start u64 | 16 virtual start u64 | 24 pages u64
    32 attribute u64

The handoff block, all fields little-endian (TH-U7)::

    0   size u32 (of this block)        4   version u32 (1)
    8   memory_map u64 (address)        16  memory_map_size u64 (bytes)
    24  descriptor_size u32             28  descriptor_version u32 (1)
    32  memory_map_entries u64          40  framebuffer u64 (physical; 0: none)
    48  framebuffer_size u64 (bytes)    56  width u32    60 height u32 (pixels)
    64  stride u32 (pixels a row)       68  bytes_per_pixel u32
    72  temp_heap_base u64              80  temp_heap_size u64
    88  kernel_physical_base u64        96  kernel_size u64
    104 kernel_virtual_base u64         112 kernel_virtual_entry u64
    120 boot_services_exited u32 (1)    124 cpu_count u32
    128 rsdp u64 (physical; 0: none)    136 stack_base u64   144 stack_size u64

All addresses in it are physical, and the firmware's identity map reaches them.

References: UEFI 2.10, 7.2.3 (GetMemoryMap).
"""

import struct
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from enum import IntEnum, IntFlag
from typing import Final, Self

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.errors import InputError
from kernel_sim.machine.spec import FirmwareEntry

HANDOFF_VERSION: Final = 1
DESCRIPTOR_BYTES: Final = 40
"""The bytes of a descriptor that hold fields; the stride is this or more."""
_DESCRIPTOR: Final = struct.Struct("<IIQQQQ")
_HANDOFF: Final = struct.Struct("<IIQQIIQQQIIIIQQQQQQIIQQQ")
HANDOFF_BYTES: Final = _HANDOFF.size


class UefiType(IntEnum):
    """What a descriptor says its memory is."""

    RESERVED = 0
    LOADER_CODE = 1
    LOADER_DATA = 2
    BOOT_SERVICES_CODE = 3
    BOOT_SERVICES_DATA = 4
    RUNTIME_SERVICES_CODE = 5
    RUNTIME_SERVICES_DATA = 6
    CONVENTIONAL = 7
    UNUSABLE = 8
    ACPI_RECLAIM = 9
    ACPI_NVS = 10
    MMIO = 11
    MMIO_PORT_SPACE = 12
    PAL_CODE = 13
    PERSISTENT = 14
    UNACCEPTED = 15


class UefiAttribute(IntFlag):
    """What a descriptor's memory can do; RUNTIME has to stay mapped for the firmware."""

    UC = 0x1
    WC = 0x2
    WT = 0x4
    WB = 0x8
    UCE = 0x10
    WP = 0x1000
    RP = 0x2000
    XP = 0x4000
    NV = 0x8000
    RO = 0x2_0000
    RUNTIME = 1 << 63


CACHED: Final = UefiAttribute.UC | UefiAttribute.WC | UefiAttribute.WT | UefiAttribute.WB
"""The attributes of plain memory."""


@dataclass(frozen=True, slots=True)
class Handoff:
    """The block drawn above, field for field. ``size`` counts the whole block in bytes."""

    size: int
    version: int
    memory_map: int
    memory_map_size: int
    descriptor_size: int
    descriptor_version: int
    memory_map_entries: int
    framebuffer: int
    framebuffer_size: int
    width: int
    height: int
    stride: int
    bytes_per_pixel: int
    temp_heap_base: int
    temp_heap_size: int
    kernel_physical_base: int
    kernel_size: int
    kernel_virtual_base: int
    kernel_virtual_entry: int
    boot_services_exited: int
    cpu_count: int
    rsdp: int
    stack_base: int
    stack_size: int

    def encode(self) -> bytes:
        """The `HANDOFF_BYTES` bytes of the block."""
        return _HANDOFF.pack(*astuple(self))

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The block in the first bytes of ``data``: ``cpu.read(boot_info.handoff, HANDOFF_BYTES)``.

        Raises:
            InputError: there are fewer bytes.
        """
        if len(data) < HANDOFF_BYTES:
            raise InputError(
                f"a handoff of {len(data)} bytes", expected=f"{HANDOFF_BYTES} bytes or more"
            )
        return cls(*_HANDOFF.unpack_from(data))


def encode_descriptors(descriptors: Sequence[FirmwareEntry], descriptor_size: int) -> bytes:
    """The map as bytes; what a stride above 40 leaves between descriptors is 0xAF."""
    padding = b"\xaf" * (descriptor_size - DESCRIPTOR_BYTES)
    return b"".join(
        _DESCRIPTOR.pack(item.type, 0, item.base, 0, item.length // PAGE_SIZE, item.attributes)
        + padding
        for item in descriptors
    )


def decode_descriptors(data: bytes, descriptor_size: int) -> list[FirmwareEntry]:
    """The descriptors in ``data``, one every ``descriptor_size`` bytes."""
    found = []
    for offset in range(0, len(data) - DESCRIPTOR_BYTES + 1, descriptor_size):
        kind, _, base, _, pages, attributes = _DESCRIPTOR.unpack_from(data, offset)
        found.append(FirmwareEntry(base, pages * PAGE_SIZE, kind, attributes))
    return found
