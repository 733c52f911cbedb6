"""Descriptors as they lie in memory: segments, gates and the task state segment.

::

              63 .. 56  55 .. 52   51 .. 48  47  46 45  44  43 .. 40  39 .. 16        15 .. 0
    segment | base    | G D L AVL | limit  | P | DPL  | S | type    | base          | limit  |
    gate    | offset 31..16                | P | DPL  | 0 | type    | 0 IST sel     | offset |

    IST is 34..32, sel the selector 31..16; a 64-bit gate has 8 more bytes: offset 63..32, then zero

References: Intel SDM vol. 3A, figures 3-8 (segment), 6-2 (IDT gates), 6-8 (64-bit gate), 7-2 (TSS).
"""

from dataclasses import dataclass
from typing import Final

INTERRUPT_GATE: Final = 0xE
TRAP_GATE: Final = 0xF
TASK_GATE: Final = 0x5
TSS_AVAILABLE: Final = 0x9
TSS_BUSY: Final = 0xB
TSS_32_BYTES: Final = 104
"""Also the size of a 64-bit TSS."""
_M32: Final = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Gate:
    """A decoded IDT gate."""

    present: bool
    type: int
    dpl: int
    selector: int
    offset: int
    ist: int
    system_bit: bool
    """Bit 44, which is 0 in every gate."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A decoded GDT descriptor; ``system`` ones are TSSs, of the rest ``code`` ones can be run."""

    present: bool
    system: bool
    type: int
    dpl: int
    base: int
    limit: int
    long: bool
    """L: 64-bit code."""

    @property
    def code(self) -> bool:
        """Whether this is a code segment."""
        return not self.system and bool(self.type & 0x8)


def decode_gate(raw: int) -> Gate:
    """The gate in the low 64 (or, for a 64-bit gate, 128) bits of ``raw``."""
    return Gate(
        present=bool(raw >> 47 & 1),
        type=raw >> 40 & 0xF,
        dpl=raw >> 45 & 3,
        selector=raw >> 16 & 0xFFFF,
        offset=(raw & 0xFFFF) | (raw >> 32 & 0xFFFF_0000) | (raw >> 64 & _M32) << 32,
        ist=raw >> 32 & 7,
        system_bit=bool(raw >> 44 & 1),
    )


def decode_segment(raw: int) -> Segment:
    """The segment in the low 64 (or, for a 64-bit TSS, 128) bits of ``raw``."""
    limit = (raw & 0xFFFF) | (raw >> 32 & 0xF_0000)
    return Segment(
        present=bool(raw >> 47 & 1),
        system=not raw >> 44 & 1,
        type=raw >> 40 & 0xF,
        dpl=raw >> 45 & 3,
        base=(raw >> 16 & 0xFF_FFFF) | (raw >> 32 & 0xFF00_0000) | (raw >> 64 & _M32) << 32,
        limit=(limit << 12 | 0xFFF) if raw >> 55 & 1 else limit,
        long=bool(raw >> 53 & 1),
    )


def interrupt_gate(handler: int, selector: int, *, dpl: int = 0) -> bytes:
    """The 8 bytes of a present 32-bit interrupt gate that leads to ``handler``."""
    return _gate(handler, selector, INTERRUPT_GATE, dpl).to_bytes(8, "little")


def task_gate(selector: int) -> bytes:
    """The 8 bytes of a present task gate to the TSS at ``selector``."""
    return _gate(0, selector, TASK_GATE, 0).to_bytes(8, "little")


def interrupt_gate_64(handler: int, selector: int, *, dpl: int = 0, ist: int = 0) -> bytes:
    """The 16 bytes of a present 64-bit interrupt gate; ``ist`` 1 to 7 selects a stack."""
    low = _gate(handler & _M32, selector, INTERRUPT_GATE, dpl) | ist << 32
    return (low | handler >> 32 << 64).to_bytes(16, "little")


def _gate(offset: int, selector: int, kind: int, dpl: int) -> int:
    attributes = 1 << 47 | dpl << 45 | kind << 40
    return offset >> 16 << 48 | attributes | selector << 16 | offset & 0xFFFF


def code_segment(*, dpl: int = 0, long: bool = False) -> bytes:
    """A flat code segment: 4 GiB of 32-bit code, or 64-bit code if ``long``."""
    flags = 0xA if long else 0xC
    return (flags << 52 | 0xF << 48 | 1 << 47 | dpl << 45 | 1 << 44 | 0xA << 40 | 0xFFFF).to_bytes(
        8, "little"
    )


def data_segment(*, dpl: int = 0) -> bytes:
    """A flat, writable data segment of 4 GiB."""
    return (0xC << 52 | 0xF << 48 | 1 << 47 | dpl << 45 | 1 << 44 | 0x2 << 40 | 0xFFFF).to_bytes(
        8, "little"
    )


def tss_segment(base: int, *, long: bool = False) -> bytes:
    """The descriptor of an available TSS at linear ``base``: 8 bytes, or 16 if ``long``."""
    low = (base >> 24 & 0xFF) << 56 | 1 << 47 | TSS_AVAILABLE << 40
    low |= (base & 0xFF_FFFF) << 16 | (TSS_32_BYTES - 1)
    raw = low | (base >> 32) << 64
    return raw.to_bytes(16 if long else 8, "little")
