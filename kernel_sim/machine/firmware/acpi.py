"""The ACPI tables that tell a kernel of NUMA nodes: SRAT (who is where), SLIT (how far).

One page, from the root pointer on::

    0x000 RSDP ──▶ 0x040 XSDT ──▶ SRAT, SLIT

    RSDP   0 "RSD PTR " | 8 checksum | 15 revision 2 | 20 length u32 | 24 XSDT u64 | 32 checksum
    table  0 signature | 4 length u32 | 8 revision | 9 checksum | 10 OEM ... | 36 contents
    SRAT   36 one u32, zero u64, then affinities
           processor  0 type 0 | 1 length 16 | 2 node | 3 APIC id | 4 flags u32 (1: enabled)
           memory     0 type 1 | 1 length 40 | 2 node u32 | 8 base u64 | 16 length u64 | 28 flags
    SLIT   36 nodes u64, then a byte for each pair: distance from row to column, 10 is local

All bytes of a table add up to 0 modulo 256; of the RSDP the first 20, and all 36.

References: ACPI 6.5, 5.2.5 (RSDP), 5.2.6 (header), 5.2.8 (XSDT), 5.2.16 (SRAT), 5.2.17 (SLIT).
"""

import struct
from collections.abc import Sequence
from typing import Final

from kernel_sim.machine.numa import NumaNode

RSDP_BYTES: Final = 36
XSDT_OFFSET: Final = 0x40
_OEM: Final = b"KSIM  "
_HEADER: Final = struct.Struct("<4sIBB6s8sI4sI")
_ENABLED: Final = 1
_RSDP: Final = struct.Struct("<8sB6sBIIQ")


def acpi_tables(base: int, nodes: Sequence[NumaNode]) -> bytes:
    """The tables for ``nodes`` as bytes for the physical address ``base``, the RSDP first."""
    tables = [_srat(nodes), _slit(nodes)]
    xsdt_bytes = _HEADER.size + 8 * len(tables)
    addresses = []
    at = base + XSDT_OFFSET + xsdt_bytes
    for table in tables:
        addresses.append(at)
        at += len(table)
    xsdt = _table(b"XSDT", 1, struct.pack(f"<{len(addresses)}Q", *addresses))
    rsdp = _rsdp(base + XSDT_OFFSET).ljust(XSDT_OFFSET, b"\0")
    return b"".join([rsdp, xsdt, *tables])


def _rsdp(xsdt: int) -> bytes:
    block = bytearray(_RSDP.pack(b"RSD PTR ", 0, _OEM, 2, 0, RSDP_BYTES, xsdt) + bytes(4))
    block[8] = _missing(block[:20])
    block[32] = _missing(block)
    return bytes(block)


def _table(signature: bytes, revision: int, contents: bytes) -> bytes:
    length = _HEADER.size + len(contents)
    header = _HEADER.pack(signature, length, revision, 0, _OEM, b"KSIM    ", 1, b"KSIM", 1)
    table = bytearray(header + contents)
    table[9] = _missing(table)
    return bytes(table)


def _missing(data: bytes | bytearray) -> int:
    """The byte that makes the sum 0 modulo 256."""
    return -sum(data) & 0xFF


def _srat(nodes: Sequence[NumaNode]) -> bytes:
    parts = [struct.pack("<IQ", 1, 0)]
    for number, node in enumerate(nodes):
        parts += [
            struct.pack("<BBBBIBBHI", 0, 16, number, cpu, _ENABLED, 0, 0, 0, 0) for cpu in node.cpus
        ]
        parts += [
            struct.pack("<BBIHQQIIQ", 1, 40, number, 0, m.start, m.length, 0, _ENABLED, 0)
            for m in node.memory
        ]
    return _table(b"SRAT", 3, b"".join(parts))


def _slit(nodes: Sequence[NumaNode]) -> bytes:
    matrix = b"".join(bytes(node.distances) for node in nodes)
    return _table(b"SLIT", 1, struct.pack("<Q", len(nodes)) + matrix)
