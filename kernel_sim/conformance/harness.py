"""The harness: where the probing instructions run, with descriptors, stacks and tables of its own.

It is mapped in the last slot of the root table, which random tables never use. CPL 0 code,
descriptors and stack lie in supervisor pages (SMEP), CPL 3 code and stack in user pages, and every
flag a walk could set is set already::

    page 0  supervisor  code: load, store, iret      page 2  user  code: load, store
    page 1  supervisor  GDT, iret frame, stack       page 3  user  stack
"""

import struct
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.conformance.scene import HARNESS, PDPT, Scene
from kernel_sim.machine.paging_modes import PAE, Leaf, PagingMode

LOAD: Final = 0x000
STORE: Final = 0x010
IRET: Final = 0x020
AFTER_IRET: Final = 0x040
USER_CODE: Final = 0x2000
GDT: Final = 0x1000
IRET_FRAME: Final = 0x1800
USER_STACK: Final = 0x3800
KERNEL_CS, KERNEL_SS, USER_CS, USER_SS = 0x08, 0x10, 0x1B, 0x23
_TABLES: Final = HARNESS + 0x4000
_SUPERVISOR: Final = 0x63
_USER: Final = 0x67
_GRANULAR_WIDE = {32: 0x00CF_0000_0000_FFFF, 64: 0x00AF_0000_0000_FFFF}


def linear_base(mode: PagingMode) -> int:
    """Where the harness is mapped: the last slot that the root covers."""
    if mode.linear_bits == 32:
        return (1 << 32) - (1 << mode.levels[-2].shift)
    return (1 << 64) - (1 << mode.levels[-2].shift)


def code() -> bytes:
    """The code page: ``mov eax, [rbx]`` and ``mov [rbx], eax``, the same bytes in all modes."""
    page = bytearray(b"\xf4" * PAGE_SIZE)
    page[LOAD : LOAD + 2] = b"\x8b\x03"
    page[STORE : STORE + 2] = b"\x89\x03"
    page[AFTER_IRET] = 0x90
    return bytes(page)


def gdt(mode: PagingMode) -> bytes:
    """Null, kernel code, kernel data, user code, user data (SDM vol. 3A, 3.4.5)."""
    wide = _GRANULAR_WIDE[64 if mode.linear_bits > 32 else 32]
    data = _GRANULAR_WIDE[32]
    access = (0x9B, 0x93, 0xFB, 0xF3)
    return struct.pack("<5Q", 0, *((wide if a & 8 else data) | a << 40 for a in access))


def iret_frame(mode: PagingMode, target: int) -> bytes:
    """What IRET pops to arrive at ``target`` in CPL 3."""
    layout = "<5Q" if mode.linear_bits > 32 else "<5I"
    return struct.pack(layout, target, USER_CS, 0x2, linear_base(mode) + USER_STACK, USER_SS)


def memory(scene: Scene) -> dict[int, bytes]:
    """The scene's frames and the harness's: code, descriptors, and the tables that map them."""
    mode = scene.mode
    frames = dict(scene.memory)
    iret = b"\x48\xcf" if mode.linear_bits > 32 else b"\xcf"
    page = bytearray(code())
    page[IRET : IRET + len(iret)] = iret
    frames[HARNESS] = bytes(page)
    data = bytearray(PAGE_SIZE)
    data[: 5 * 8] = gdt(mode)
    frame = iret_frame(mode, linear_base(mode) + USER_CODE + AFTER_IRET)
    start = IRET_FRAME - GDT
    data[start : start + len(frame)] = frame
    frames[HARNESS + GDT] = bytes(data)
    frames[HARNESS + USER_CODE] = code()
    frames[HARNESS + USER_STACK - 0x800] = bytes(PAGE_SIZE)
    _map(scene, frames)
    return frames


def _map(scene: Scene, frames: dict[int, bytes]) -> None:
    """Link the last slot of every level down to the four harness pages."""
    table = scene.root
    fresh = _TABLES
    for level in scene.mode.levels[:-1]:
        index = (1 << level.bits) - 1
        flags = 1 if level.leaf is Leaf.REGISTERS else _USER
        _put(scene.mode, frames, table, index, fresh | flags)
        table, fresh = fresh, fresh + PAGE_SIZE
    for number, flags in enumerate((_SUPERVISOR, _SUPERVISOR, _USER, _USER)):
        _put(scene.mode, frames, table, number, HARNESS + PAGE_SIZE * number | flags)


def _put(mode: PagingMode, frames: dict[int, bytes], table: int, index: int, entry: int) -> None:
    if mode is PAE and table == PDPT:
        index = 3
    page = bytearray(frames.get(table, bytes(PAGE_SIZE)))
    start = index * mode.entry_bytes
    page[start : start + mode.entry_bytes] = entry.to_bytes(mode.entry_bytes, "little")
    frames[table] = bytes(page)
