"""The harness: where the probing instructions run, with descriptors, stacks and tables of its own.

It hangs in one slot of the root table that the tables under test leave free. CPL 0 code,
descriptors and stack lie in supervisor pages (SMEP), CPL 3 code and stack in user pages, and every
flag a walk could set is set already::

    page 0  supervisor  code: load, store, iret      page 2  user  code: load, store
    page 1  supervisor  GDT, IDT, TSS, iret frame,   page 3  user  stack
                        stack for exceptions
    then one table for each level below the root
"""

import struct
from dataclasses import dataclass
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.machine.descriptors import (
    TSS_32_BYTES,
    interrupt_gate,
    interrupt_gate_64,
    tss_segment,
)
from kernel_sim.machine.paging_modes import Leaf, PagingMode

LOAD: Final = 0x000
STORE: Final = 0x010
IRET: Final = 0x020
AFTER_IRET: Final = 0x040
USER_CODE: Final = 0x2000
GDT: Final = 0x1000
IDT: Final = 0x1100
TSS: Final = 0x1400
PSEUDO_DESCRIPTORS: Final = 0x1500
"""What LGDT and, 16 bytes on, LIDT load."""
IRET_FRAME: Final = 0x1800
EXCEPTION_STACK: Final = 0x2000
"""One past its last byte."""
HANDLERS: Final = 0x400
"""The gate of vector n leads to this offset plus n."""
VECTORS: Final = 32
USER_STACK: Final = 0x3800
SIZE_BYTES: Final = 0x1_0000
KERNEL_CS, KERNEL_SS, USER_CS, USER_SS, TSS_SELECTOR = 0x08, 0x10, 0x1B, 0x23, 0x28
_TABLES: Final = 0x4000
_SUPERVISOR: Final = 0x63
_USER: Final = 0x67
_FLAT_32: Final = 0x00CF_0000_0000_FFFF
_FLAT_64: Final = 0x00AF_0000_0000_FFFF


@dataclass(frozen=True, slots=True)
class Harness:
    """The harness for one address space.

    Args:
        mode: the paging mode.
        physical: where its `SIZE_BYTES` lie, page aligned.
        slot: index in the root table; in PAE, of the four PDPTEs.
    """

    mode: PagingMode
    physical: int
    slot: int

    @property
    def base(self) -> int:
        """Its first linear address: the last 4 pages' region under the slot, canonical."""
        root, *below = self.mode.levels[:-1]
        address = self.slot << root.shift
        for level in below:
            address |= ((1 << level.bits) - 1) << level.shift
        bits = self.mode.linear_bits
        if bits > 32 and address >> (bits - 1):
            address |= (1 << 64) - (1 << bits)
        return address

    def link(self, table: bytes) -> bytes:
        """The root ``table`` with the harness in its slot."""
        flags = 1 if self.mode.levels[0].leaf is Leaf.REGISTERS else _USER
        return self._with_entry(table, self.slot, self.physical + _TABLES | flags)

    def frames(self) -> dict[int, bytes]:
        """The harness's own frames by physical address."""
        pages = (self._code(), self._descriptors(), self._code(), bytes(PAGE_SIZE))
        frames = {self.physical + PAGE_SIZE * n: page for n, page in enumerate(pages)}
        table = self.physical + _TABLES
        for level in self.mode.levels[1:-1]:
            last = (1 << level.bits) - 1
            frames[table] = self._with_entry(bytes(PAGE_SIZE), last, table + PAGE_SIZE | _USER)
            table += PAGE_SIZE
        page = bytes(PAGE_SIZE)
        for number, flags in enumerate((_SUPERVISOR, _SUPERVISOR, _USER, _USER)):
            page = self._with_entry(page, number, self.physical + PAGE_SIZE * number | flags)
        frames[table] = page
        return frames

    def _with_entry(self, table: bytes, index: int, entry: int) -> bytes:
        size = self.mode.entry_bytes
        page = bytearray(table)
        page[index * size : (index + 1) * size] = entry.to_bytes(size, "little")
        return bytes(page)

    def _code(self) -> bytes:
        """The code page: ``mov eax, [rbx]`` and ``mov [rbx], eax``, the same bytes in all modes."""
        iret = b"\x48\xcf" if self.mode.linear_bits > 32 else b"\xcf"
        page = bytearray(b"\xf4" * PAGE_SIZE)
        page[LOAD : LOAD + 2] = b"\x8b\x03"
        page[STORE : STORE + 2] = b"\x89\x03"
        page[IRET : IRET + len(iret)] = iret
        page[AFTER_IRET] = 0x90
        return bytes(page)

    def _descriptors(self) -> bytes:
        """GDT (null, code and data for CPL 0 and 3; SDM vol. 3A, 3.4.5) and what IRET pops."""
        long = self.mode.linear_bits > 32
        code = _FLAT_64 if long else _FLAT_32
        types = ((0x9B, code), (0x93, _FLAT_32), (0xFB, code), (0xF3, _FLAT_32))
        gdt = struct.pack("<5Q", 0, *(flat | kind << 40 for kind, flat in types))
        target = self.base + USER_CODE + AFTER_IRET
        frame = struct.pack(
            "<5Q" if long else "<5I", target, USER_CS, 0x2, self.base + USER_STACK, USER_SS
        )
        gdt += tss_segment(self.base + TSS, long=long)
        page = bytearray(PAGE_SIZE)
        contents = (
            (GDT, gdt),
            (IRET_FRAME, frame),
            (IDT, self._idt()),
            (TSS, self._tss()),
            (PSEUDO_DESCRIPTORS, struct.pack("<HQ", 0x7F, self.base + GDT)),
            (PSEUDO_DESCRIPTORS + 16, struct.pack("<HQ", TSS - IDT - 1, self.base + IDT)),
        )
        for place, data in contents:
            start = place - GDT
            page[start : start + len(data)] = data
        return bytes(page)

    def _idt(self) -> bytes:
        """Interrupt gates for the exceptions; in 64-bit mode on the first IST stack."""
        handlers = [self.base + HANDLERS + vector for vector in range(VECTORS)]
        if self.mode.linear_bits > 32:
            gates = [interrupt_gate_64(handler, KERNEL_CS, ist=1) for handler in handlers]
        else:
            gates = [interrupt_gate(handler, KERNEL_CS) for handler in handlers]
        return b"".join(gates)

    def _tss(self) -> bytes:
        """A task-state segment with the stack for exceptions (SDM vol. 3A, 7.2.1 and 7.7)."""
        page = bytearray(TSS_32_BYTES)
        top = self.base + EXCEPTION_STACK
        if self.mode.linear_bits > 32:
            struct.pack_into("<Q", page, 4, top)
            struct.pack_into("<Q", page, 36, top)
        else:
            struct.pack_into("<II", page, 4, top, KERNEL_SS)
        return bytes(page)
