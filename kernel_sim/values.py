"""The values that cross the hook boundary: frozen, slotted, plain data.

Physical and virtual ranges share `AddrRange`; the field's name says which one is meant.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum

from kernel_sim.errors import KernelError
from kernel_sim.page_table import PageTableFlags


class RegionKind(IntEnum):
    """Class of a memory region, in order of restriction (KV-4).

    Where two overlap, the greater wins (KV-7).
    """

    AVAILABLE = 0
    ACPI_RECLAIMABLE = 1
    ACPI_NVS = 2
    PERSISTENT = 3
    RESERVED = 4
    UNUSABLE = 5


class GuardKind(StrEnum):
    """What a guard protects: a STACK below only, a HEAP block or an OBJECT on both sides."""

    STACK = "STACK"
    HEAP = "HEAP"
    OBJECT = "OBJECT"


class FaultAction(Enum):
    """What a page-fault handler decided."""

    RETRY = "RETRY"
    """The cause is mended: execute the same access again."""
    KILL = "KILL"
    """Stop whoever made the access."""
    PANIC = "PANIC"
    """Stop the kernel."""


@dataclass(frozen=True, slots=True, order=True)
class AddrRange:
    """The half-open range ``[start, end)``; ``start == end`` is empty (MS-4).

    Raises:
        KernelError: ``end`` lies below ``start``.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise KernelError(self.end, expected=f"an end at or above the start {self.start:#x}")

    def __bool__(self) -> bool:
        return self.end > self.start

    @property
    def length(self) -> int:
        """Bytes in the range."""
        return self.end - self.start

    def __contains__(self, address: int) -> bool:
        return self.start <= address < self.end

    def overlaps(self, other: "AddrRange") -> bool:
        """Whether at least one byte lies in both."""
        return max(self.start, other.start) < min(self.end, other.end)

    def __str__(self) -> str:
        return f"[{self.start:#x}, {self.end:#x})"


@dataclass(frozen=True, slots=True)
class BootInfo:
    """What the firmware or bootloader handed over (KV-1).

    Its tables lie in memory and are read through the CPU. ``table`` is the address of the first
    entry, ``count`` the number of entries, ``entry_size`` the stride in bytes.
    """

    kind: str
    """``'e820'``, ``'uefi'`` or ``'bootinfo'``."""
    table: int
    count: int
    entry_size: int
    kernel: AddrRange
    stack: AddrRange
    symbols: Mapping[str, int] = field(default_factory=dict)
    physical_memory_offset: int | None = None
    handoff: int | None = None


@dataclass(frozen=True, slots=True)
class MemoryRegion:
    """One row of the memory descriptor table: bytes ``[base, base + length)`` are ``kind`` (KV-3).

    ``type`` is the firmware's own number, kept for the log (C23).
    """

    base: int
    length: int
    kind: RegionKind
    type: int = 0

    @property
    def end(self) -> int:
        """One past the last byte."""
        return self.base + self.length

    @property
    def range(self) -> AddrRange:
        """The region as a half-open range."""
        return AddrRange(self.base, self.base + self.length)


@dataclass(frozen=True, slots=True)
class MapRequest:
    """Map ``virtual`` to the physical bytes from ``physical`` on; ``name`` is for the log."""

    virtual: AddrRange
    physical: int
    flags: PageTableFlags
    name: str


@dataclass(frozen=True, slots=True)
class FrameStats:
    """What a frame allocator reports of itself, so that its bitmap can be read by others.

    ``total`` is the usable frames, ``used + free == total``. Bit n of the bitmap, at the physical
    address ``bitmap_base``, stands for the frame at ``first_frame + 4096 * n``; ``used_bit`` is the
    value that means used.
    """

    total: int
    used: int
    free: int
    bitmap_base: int
    bitmap_bytes: int
    bit_order: str
    """``'lsb'`` or ``'msb'``: which bit of a byte is the lowest frame."""
    used_bit: int
    first_frame: int


@dataclass(frozen=True, slots=True)
class Translation:
    """Where an address leads: physical address, flags over all levels, bytes of the leaf page."""

    physical: int
    flags: PageTableFlags
    size: int


@dataclass(frozen=True, slots=True)
class HeapStats:
    """Bytes used and free, and the number of live blocks."""

    used: int
    free: int
    blocks: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the memory visualizer: a character, a VGA colour number 0 to 15, a label."""

    character: str
    color: int
    label: str


@dataclass(frozen=True, slots=True)
class SelfTestResult:
    """One boot-time self-test (KV-43)."""

    name: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One numbered event of the trace; ``fields`` hold plain data."""

    number: int
    kind: str
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class GuardRequest:
    """Ask for ``size`` usable bytes (rounded up to pages) with guards; ``tag`` names the owner."""

    kind: GuardKind
    size: int
    tag: str


@dataclass(frozen=True, slots=True)
class GuardedRegion:
    """``[base, end)`` is usable; the guards are starts of unmapped pages, or None."""

    guard_low: int | None
    base: int
    end: int
    guard_high: int | None
    tag: str


@dataclass(frozen=True, slots=True)
class PageFault:
    """A page fault as the handler meets it: CR2, the error code, and where the processor was."""

    address: int
    error_code: int
    ip: int
    sp: int
    bp: int
    cpl: int
