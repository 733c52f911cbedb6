"""Writes the e820 table into RAM as a boot loader leaves it.

::

    24-byte entry   0 base u64 | 8 length u64 | 16 type u32 | 20 ACPI-3 attributes u32
    20-byte entry   0 base u64 | 8 length u64 | 16 type u32
    pointer         0 address of the first entry u32 | 4 count u16
"""

import struct
from typing import Final

from kernel_sim.machine.firmware.placement import Placement
from kernel_sim.machine.ram import Ram
from kernel_sim.machine.spec import FirmwareEntry, MachineSpec

_ENTRY_20: Final = struct.Struct("<QQI")
_ENTRY_24: Final = struct.Struct("<QQII")
_POINTER: Final = struct.Struct("<IH")


def encode_entry(entry: FirmwareEntry, entry_size: int) -> bytes:
    """The bytes of one entry; ``entry_size`` is 20 or 24."""
    if entry_size == 20:
        return _ENTRY_20.pack(entry.base, entry.length, entry.type)
    return _ENTRY_24.pack(entry.base, entry.length, entry.type, entry.attributes & 0xFFFF_FFFF)


def encode_table(spec: MachineSpec) -> bytes:
    """All entries, one after another."""
    return b"".join(encode_entry(entry, spec.entry_size) for entry in spec.entries)


def write_e820(ram: Ram, spec: MachineSpec, placement: Placement) -> None:
    """Write the table, and where it lies with its count, to the places that the firmware chose."""
    ram.write(placement.table.start, encode_table(spec))
    ram.write(placement.pointer.start, _POINTER.pack(placement.table.start, len(spec.entries)))
