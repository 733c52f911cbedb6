"""From QEMU's reset state, 16-bit real mode, into a paging mode with the harness's tables loaded.

A few instructions are put at 0x7000 and stepped through; what lay there is put back. Control
registers are set through the GDB stub. Meanwhile tables in the harness's spare pages are in force
that map the first 2 or 4 MiB one to one and have the harness in its slot.
"""

import struct
from mmap import mmap
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.conformance import harness
from kernel_sim.conformance.gdb_stub import GdbStub
from kernel_sim.conformance.guest import Guest
from kernel_sim.machine.control_bits import CR0_PE, CR0_PG, CR4_LA57, CR4_PAE, CR4_PSE, EFER_LME
from kernel_sim.machine.descriptors import code_segment, data_segment
from kernel_sim.machine.paging_modes import Leaf

_START: Final = 0x7000
_PSEUDO: Final = 0x7100
_GDT: Final = 0x7200
_SPARE: Final = 0x9000
_RAX, _RIP, _CS = 0, 16, 18
_CR0, _CR3, _CR4, _EFER = 27, 29, 30, 32
_REAL: Final = bytes.fromhex("0f01160071 0f20c0 0c01 0f22c0 66ea4070000008 00")
"""lgdt [0x7100]; mov eax, cr0; or al, 1; mov cr0, eax; jmp 8:0x7040."""
_PROTECTED: Final = bytes.fromhex("66b81000 8ed8 8ec0 8ed0")
"""mov ax, 0x10; mov ds, ax; mov es, ax; mov ss, ax."""
_TO_64: Final = bytes.fromhex("ea8070000018 00")
"""jmp 0x18:0x7080."""
_TABLES: Final = bytes.fromhex("0f0110 0f0118 0f00d8")
"""lgdt [eax]; lidt [eax]; ltr ax."""


def into_paging(gdb: GdbStub, memory: mmap, guest: Guest) -> None:
    """Bring the processor into the guest's paging mode at CPL 0, GDT, IDT and TSS loaded."""
    saved = memory[_START : _START + PAGE_SIZE]
    long = guest.mode.linear_bits > 32
    gdt = bytes(8) + code_segment() + data_segment() + code_segment(long=True)
    for place, data in (
        (_START, _REAL),
        (_START + 0x40, _PROTECTED),
        (_START + 0x60, _TO_64),
        (_START + 0x80, _TABLES),
        (_PSEUDO, struct.pack("<HI", len(gdt) - 1, _GDT)),
        (_GDT, gdt),
    ):
        memory[place : place + len(data)] = data
    gdb.write_register(_CS, 0, 4)
    _run(gdb, _START, 5)
    _run(gdb, _START + 0x40, 4)
    gdb.write_register(_CR4, CR4_PSE if guest.mode.entry_bytes == 4 else guest.cr4 & _CR4_MODE)
    gdb.write_register(_CR3, _boot_tables(memory, guest))
    gdb.write_register(_EFER, EFER_LME if long else 0)
    gdb.write_register(_CR0, CR0_PE | CR0_PG)
    if long:
        _run(gdb, _START + 0x60, 1)
    pseudo = guest.harness.base + harness.PSEUDO_DESCRIPTORS
    for number, (rax, step) in enumerate(
        ((pseudo, 3), (pseudo + 16, 3), (harness.TSS_SELECTOR, 3))
    ):
        gdb.write_register(_RAX, rax)
        _run(gdb, _START + 0x80 + step * number, 1)
    memory[_START : _START + PAGE_SIZE] = saved


_CR4_MODE: Final = CR4_PAE | CR4_LA57


def _run(gdb: GdbStub, address: int, count: int) -> None:
    """Step through ``count`` instructions from ``address`` on."""
    gdb.write_register(_RIP, address)
    for _ in range(count):
        gdb.step()


def _boot_tables(memory: mmap, guest: Guest) -> int:
    """Tables for the first megabytes and the harness, in the harness's spare pages."""
    mode = guest.mode
    root = table = guest.harness.physical + _SPARE
    page = bytes(PAGE_SIZE)
    large = mode.levels[-2]
    for level in mode.levels[:-1]:
        leaf = level is large
        flags = 0x83 if leaf else (0x1 if level.leaf is Leaf.REGISTERS else 0x3)
        following = 0 if leaf else table + PAGE_SIZE
        entry = (following | flags).to_bytes(mode.entry_bytes, "little")
        contents = entry + page[mode.entry_bytes :]
        if table == root:
            contents = guest.harness.link(contents)
        memory[table : table + PAGE_SIZE] = contents
        table += PAGE_SIZE
    return root
