"""The paging modes as a table of levels; one walker (`kernel_sim.machine.mmu`) serves them all.

::

    32-bit   | directory 31:22 | table 21:12 | offset 11:0 |                       4-byte entries
    PAE      | 31:30 | 29:21 | 20:12 | 11:0 |                                      8-byte entries
    4-level           | 47:39 | 38:30 | 29:21 | 20:12 | 11:0 |
    5-level   | 56:48 | 47:39 | 38:30 | 29:21 | 20:12 | 11:0 |

References: Intel SDM vol. 3A, 4.3 (32-bit), 4.4 (PAE), 4.5 (4-level, 5-level), tables 4-4 to 4-20.
"""

from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Final

ADDRESS_MASK: Final = 0x000F_FFFF_FFFF_F000
"""Bits 51:12 of an entry: where the next table or the page lies."""
NX: Final = 1 << 63
_PS: Final = 1 << 7


class Leaf(Enum):
    """Whether an entry of a level may map a page itself."""

    ALWAYS = "always"
    """The last level."""
    WITH_PS = "with PS"
    """If bit 7 is set."""
    WITH_PSE = "with PSE"
    """If bit 7 is set and CR4.PSE is; bits 20:13 then hold address bits 39:32 (PSE-36)."""
    NEVER = "never"
    """Bit 7 is reserved."""
    REGISTERS = "registers"
    """The entries lie in the four PDPTE registers and carry no rights (PAE)."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a mode: its entries' name, lowest address bit and width of its index."""

    name: str
    shift: int
    bits: int
    leaf: Leaf


@dataclass(frozen=True, slots=True)
class PagingMode:
    """A paging mode: bytes per entry, width of a linear address, levels from the root down."""

    name: str
    entry_bytes: int
    linear_bits: int
    levels: tuple[Level, ...]


_PML5: Final = Level("PML5E", 48, 9, Leaf.NEVER)
_PML4: Final = Level("PML4E", 39, 9, Leaf.NEVER)
_PDPT: Final = Level("PDPTE", 30, 9, Leaf.WITH_PS)
_PD: Final = Level("PDE", 21, 9, Leaf.WITH_PS)
_PT: Final = Level("PTE", 12, 9, Leaf.ALWAYS)

LEGACY_32: Final = PagingMode(
    "32", 4, 32, (Level("PDE", 22, 10, Leaf.WITH_PSE), Level("PTE", 12, 10, Leaf.ALWAYS))
)
PAE: Final = PagingMode("pae", 8, 32, (Level("PDPTE", 30, 2, Leaf.REGISTERS), _PD, _PT))
FOUR_LEVEL: Final = PagingMode("4level", 8, 48, (_PML4, _PDPT, _PD, _PT))
FIVE_LEVEL: Final = PagingMode("5level", 8, 57, (_PML5, _PML4, _PDPT, _PD, _PT))
PAGING_MODES: Final = {mode.name: mode for mode in (LEGACY_32, PAE, FOUR_LEVEL, FIVE_LEVEL)}


@dataclass(frozen=True, slots=True)
class Step:
    """A level made ready for the walker: what to do with an entry under the present controls.

    ``large`` is the bit that makes an entry a leaf, 0 if none does; ``last`` marks the last level.
    """

    name: str
    shift: int
    index_mask: int
    last: bool
    large: int
    registers: bool
    table_reserved: int
    leaf_reserved: int
    pse36: bool

    def walk(self, entry_shift: int) -> tuple[int, int, bool, int, int, int]:
        """Shift and mask of the index in bytes, last, large, and what is wrong in an entry.

        The last two are for tables and leaves: reserved bits, and P where it is inverted.
        """
        return (
            self.shift - entry_shift,
            self.index_mask << entry_shift,
            self.last,
            self.large,
            self.table_reserved | 1,
            self.leaf_reserved | 1,
        )


@cache
def steps(mode: PagingMode, physical_bits: int, nxe: bool, pse: bool) -> tuple[Step, ...]:
    """The walker's program for ``mode`` under MAXPHYADDR, EFER.NXE and CR4.PSE."""
    return tuple(_step(mode, level, physical_bits, nxe=nxe, pse=pse) for level in mode.levels)


def _step(mode: PagingMode, level: Level, physical_bits: int, *, nxe: bool, pse: bool) -> Step:
    high = 0 if mode.entry_bytes == 4 else high_reserved(mode, physical_bits, nxe=nxe)
    with_pse = level.leaf is Leaf.WITH_PSE
    large = _PS if level.leaf is Leaf.WITH_PS or (with_pse and pse) else 0
    table_reserved = high | (_PS if level.leaf is Leaf.NEVER else 0)
    if with_pse:
        width = min(physical_bits, 40) - 32
        leaf_reserved = _bits(max(13, 13 + width), 21)
    elif level.leaf is Leaf.WITH_PS:
        leaf_reserved = high | _bits(13, level.shift - 1)
    else:
        leaf_reserved = high
    return Step(
        name=level.name,
        shift=level.shift,
        index_mask=(1 << level.bits) - 1,
        last=level.leaf is Leaf.ALWAYS,
        large=large,
        registers=level.leaf is Leaf.REGISTERS,
        table_reserved=0 if level.leaf is Leaf.REGISTERS else table_reserved,
        leaf_reserved=leaf_reserved,
        pse36=with_pse,
    )


def high_reserved(mode: PagingMode, physical_bits: int, *, nxe: bool) -> int:
    """The reserved high bits of an 8-byte entry: above MAXPHYADDR, and XD without EFER.NXE."""
    top = 62 if mode is PAE else 51
    return _bits(physical_bits, top) | (0 if nxe else NX)


def large_frame(entry: int, *, wide: bool) -> int:
    """The physical address in the ``entry`` of a large page; bit 12 may still hold PAT.

    Bits 20:13 of a 4 MiB page's 4-byte entry are address bits 39:32 (PSE-36).
    """
    if wide:
        return entry & ADDRESS_MASK
    return (entry & 0xFFC0_0000) | ((entry & 0x1F_E000) << 19)


def pdpte_reserved(physical_bits: int) -> int:
    """The reserved bits of a PAE PDPTE: 2:1, 8:5 and all above MAXPHYADDR (SDM table 4-8)."""
    return 0x6 | 0x1E0 | _bits(physical_bits, 63)


def _bits(low: int, high: int) -> int:
    """A mask of the bits ``high`` down to ``low``; empty if ``high`` is below."""
    return ((1 << (high + 1)) - (1 << low)) if high >= low else 0
