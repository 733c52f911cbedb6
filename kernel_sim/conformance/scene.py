"""A scene: random page tables, control bits and accesses that two implementations are run on.

Physical memory of every scene::

    0x000000  nothing special; large pages start here        }
    0x100000  table frames, random entries                   }  what accesses may change
    0x200000  data frames, every 8 bytes unique              }
    0x400000  end of what a large page shows
    0x600000  PDPT of PAE scenes
    0x700000  the harness: code, stack and descriptors with their own tables
"""

import random
import struct
from dataclasses import dataclass, field
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.conformance.guest import Guest
from kernel_sim.conformance.harness import Harness
from kernel_sim.machine.control_bits import (
    CR4_LA57,
    CR4_PAE,
    CR4_PGE,
    CR4_PSE,
    CR4_SMAP,
    CR4_SMEP,
    EFER_NXE,
)
from kernel_sim.machine.paging_modes import (
    LEGACY_32,
    NX,
    PAE,
    PAGING_MODES,
    Leaf,
    Level,
    PagingMode,
)
from kernel_sim.values import AddrRange

PHYSICAL_BITS: Final = 40
"""MAXPHYADDR of all scenes: what Unicorn fixes it at."""
RAM_BYTES: Final = 0x80_0000
SHOWN_BYTES: Final = 0x40_0000
TABLES: Final = 0x10_0000
TABLE_FRAMES: Final = 24
DATA: Final = 0x20_0000
DATA_FRAMES: Final = 16
PDPT: Final = 0x60_0000
HARNESS: Final = 0x70_0000
READ: Final = "read"
WRITE: Final = "write"
FETCH: Final = "fetch"
WRITTEN: Final = 0x5AA5_C33C
"""The value that every write of a scene stores."""
_INDEX_COUNT: Final = 6


@dataclass(frozen=True, slots=True)
class Probe:
    """One access of a scene: kind, linear address, CPL 3 or 0, and EFLAGS.AC."""

    kind: str
    address: int
    user: bool
    ac: bool


@dataclass(frozen=True, slots=True)
class Observation:
    """What came of a probe.

    ``vector`` is None where the access went through, `NO_RAM_VECTOR` where it led beyond memory.
    """

    vector: int | None
    error_code: int | None = None
    cr2: int | None = None
    value: int | None = None
    physical: int | None = field(default=None, compare=False)
    """Where the machine's own MMU led; an emulator does not say."""


NO_RAM_VECTOR: Final = -1


@dataclass(frozen=True, slots=True)
class Scene:
    """What decides the outcome of the probes; ``memory`` maps frame addresses to bytes."""

    mode: PagingMode
    seed: int
    root: int
    write_protect: bool
    cr4: int
    efer: int
    memory: dict[int, bytes]
    probes: tuple[Probe, ...]

    def guest(self) -> Guest:
        """The scene as an emulator takes it, with the harness in the root's last slot."""
        slot = (1 << self.mode.levels[0].bits) - 1
        harness = Harness(self.mode, HARNESS, slot)
        frames = {**self.memory, **harness.frames()}
        frames[self.root] = harness.link(self.memory[self.root])
        return Guest(
            mode=self.mode,
            root=self.root,
            write_protect=self.write_protect,
            cr4=self.cr4,
            efer=self.efer,
            ranges=(AddrRange(0, RAM_BYTES),),
            harness=harness,
            frames=frames,
        )

    @property
    def nxe(self) -> bool:
        """Whether EFER.NXE is set."""
        return bool(self.efer & EFER_NXE)


def random_scene(mode_name: str, seed: int, probe_count: int = 200) -> Scene:
    """The scene that ``seed`` determines, in the paging mode ``mode_name``."""
    mode = PAGING_MODES[mode_name]
    draw = random.Random(f"{mode_name}/{seed}")
    indices = {level.name: _indices(draw, level) for level in mode.levels}
    tables = _tables(draw, mode, indices)
    memory = {TABLES + PAGE_SIZE * n: _packed(mode, table) for n, table in enumerate(tables)}
    memory |= {DATA + PAGE_SIZE * n: _data_frame(n) for n in range(DATA_FRAMES)}
    root = TABLES
    if mode is PAE:
        root = PDPT
        memory[PDPT] = _pdpt(draw)
    return Scene(
        mode=mode,
        seed=seed,
        root=root,
        write_protect=draw.random() < 0.6,
        cr4=_cr4(draw, mode),
        efer=EFER_NXE if draw.random() < 0.7 else 0,
        memory=memory,
        probes=tuple(_probe(draw, mode, indices) for _ in range(probe_count)),
    )


def _indices(draw: random.Random, level: Level) -> list[int]:
    """The few indices of a level that are filled, never the last: that is the harness's."""
    if level.leaf is Leaf.REGISTERS:
        return [0, 1, 2]
    last = (1 << level.bits) - 1
    return [0, 1, *(draw.randrange(2, last) for _ in range(_INDEX_COUNT - 2))]


def _tables(
    draw: random.Random, mode: PagingMode, indices: dict[str, list[int]]
) -> list[dict[int, int]]:
    """One table per table frame, dealt to the levels in turn: entries by index."""
    in_memory = [level for level in mode.levels if level.leaf is not Leaf.REGISTERS]
    tables = []
    for number in range(TABLE_FRAMES):
        level = in_memory[number % len(in_memory)]
        tables.append({index: _entry(draw, mode, level) for index in indices[level.name]})
    return tables


def _entry(draw: random.Random, mode: PagingMode, level: Level) -> int:
    entry = draw.getrandbits(12) & ~0x87
    if draw.random() < 0.07:
        return entry | draw.getrandbits(20) << 12
    entry |= 1 | (2 if draw.random() < 0.7 else 0) | (4 if draw.random() < 0.7 else 0)
    large = _is_large(draw, level)
    if large:
        entry |= 0x80
    entry |= _entry_address(draw, mode, level, large=large)
    if mode.entry_bytes == 8:
        if draw.random() < 0.15:
            entry |= NX
        if draw.random() < 0.03:
            entry |= 1 << draw.randrange(PHYSICAL_BITS, 52)
        if mode is not PAE:
            entry |= draw.getrandbits(11) << 52
        elif draw.random() < 0.02:
            entry |= 1 << draw.randrange(52, 63)
    return entry


def _is_large(draw: random.Random, level: Level) -> bool:
    """Whether to set bit 7: a large page, PAT in a last level, else a reserved bit."""
    if level.leaf is Leaf.ALWAYS:
        return draw.random() < 0.5
    return draw.random() < (0.04 if level.leaf is Leaf.NEVER else 0.25)


def _entry_address(draw: random.Random, mode: PagingMode, level: Level, *, large: bool) -> int:
    if level.leaf is Leaf.ALWAYS:
        if draw.random() < 0.9:
            return DATA + PAGE_SIZE * draw.randrange(DATA_FRAMES)
        return TABLES + PAGE_SIZE * draw.randrange(TABLE_FRAMES)
    if not large or (level.leaf is Leaf.NEVER and draw.random() < 0.5):
        return _next_table(draw, mode, level)
    if level.leaf is Leaf.NEVER:
        return 0
    address = draw.randrange(2) << 12  # PAT
    if level.shift == 21:
        address |= draw.randrange(2) << 21
    if draw.random() < 0.05:
        address |= 1 << draw.randrange(13, min(level.shift, 22))
    return address


def _next_table(draw: random.Random, mode: PagingMode, level: Level) -> int:
    """A table of the level below, most often; any table at all, sometimes."""
    in_memory = [item for item in mode.levels if item.leaf is not Leaf.REGISTERS]
    below = in_memory.index(level) + 1
    number = draw.randrange(TABLE_FRAMES)
    if draw.random() < 0.93:
        number -= number % len(in_memory)
        number = (number + below) % TABLE_FRAMES
    return TABLES + PAGE_SIZE * number


def _pdpt(draw: random.Random) -> bytes:
    """Three PDPTEs without reserved bits, which emulators leave unchecked; one for the harness."""
    entries = []
    for _ in range(3):
        present = draw.random() < 0.9
        table = TABLES + PAGE_SIZE * (draw.randrange(TABLE_FRAMES // 2) * 2)
        entries.append((table | draw.getrandbits(2) << 3 | draw.getrandbits(3) << 9) | present)
    return struct.pack("<3Q", *entries).ljust(PAGE_SIZE, b"\0")


def _packed(mode: PagingMode, table: dict[int, int]) -> bytes:
    frame = bytearray(PAGE_SIZE)
    for index, entry in table.items():
        start = index * mode.entry_bytes
        frame[start : start + mode.entry_bytes] = entry.to_bytes(8, "little")[: mode.entry_bytes]
    return bytes(frame)


def _data_frame(number: int) -> bytes:
    start = number * (PAGE_SIZE // 4)
    return struct.pack(
        f"<{PAGE_SIZE // 4}I", *(0xD000_0000 + start + n for n in range(PAGE_SIZE // 4))
    )


def _cr4(draw: random.Random, mode: PagingMode) -> int:
    cr4 = draw.choice((0, CR4_PGE)) | draw.choice((0, CR4_SMEP)) | draw.choice((0, CR4_SMAP))
    if mode is LEGACY_32:
        return cr4 | draw.choice((0, CR4_PSE, CR4_PSE))
    return cr4 | CR4_PAE | (CR4_LA57 if mode.linear_bits == 57 else 0)


def _probe(draw: random.Random, mode: PagingMode, indices: dict[str, list[int]]) -> Probe:
    kind = draw.choice((READ, READ, WRITE, WRITE, FETCH))
    address = draw.randrange(0, 0x100 if kind == FETCH else PAGE_SIZE, 4)
    for level in mode.levels:
        index = draw.choice(indices[level.name])
        if draw.random() < 0.02:
            index = draw.randrange((1 << level.bits) - 1) if level.bits > 2 else index
        address |= index << level.shift
    if mode.linear_bits > 32:
        if address >> (mode.linear_bits - 1):
            address |= (1 << 64) - (1 << mode.linear_bits)
        if kind != FETCH and draw.random() < 0.02:
            address ^= 1 << draw.randrange(mode.linear_bits, 64)
    return Probe(kind, address, user=draw.random() < 0.5, ac=draw.random() < 0.5)
