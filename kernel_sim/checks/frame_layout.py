"""Which frames a frame allocator may hand out: the reference model of Lab 2 (KV-12, KV-14, KV-16).

::

    bytes      |  available  |.hole.|   available      |  ACPI  |
    frames     |   0  |   1  |   2  |   3  |   4  |   5  |   6  |
    usable         ✓      -      -      ✓      ✓      -      -    wholly available, below the limit
    reserved       ✓      ✓      -      -      -      -      -    touched by a reserved byte
    owned          -      -      -      ✓      ✓      -      -    usable, and not reserved

Sets of frames are bits of a Python number: bit n is the frame at 4096 n.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from kernel_sim.addr import PAGE_SIZE, align_down, align_up
from kernel_sim.host.reservation import reserved_ranges
from kernel_sim.machine import Machine, MachineSpec
from kernel_sim.machine.firmware.available import available_ranges, enabled_entries, merged, without
from kernel_sim.values import AddrRange, BootInfo, MemoryRegion, RegionKind

LOW_MEMORY: Final = AddrRange(0, 0x10_0000)


def frame_set(ranges: Iterable[AddrRange]) -> int:
    """The frames that lie wholly within one of the ranges, which are disjoint and do not touch."""
    return _bits((-(-item.start // PAGE_SIZE), item.end // PAGE_SIZE) for item in ranges)


def touched_set(ranges: Iterable[AddrRange]) -> int:
    """The frames that a byte of one of the ranges lies in."""
    spans = (
        (align_down(r.start, PAGE_SIZE) // PAGE_SIZE, align_up(r.end, PAGE_SIZE) // PAGE_SIZE)
        for r in ranges
        if r
    )
    return _bits(spans)


def _bits(spans: Iterable[tuple[int, int]]) -> int:
    result = 0
    for first, end in spans:
        if first < end:
            result |= (1 << end) - (1 << first)
    return result


def numbers(frames: int) -> Iterator[int]:
    """The frame numbers of a set, in ascending order."""
    while frames:
        lowest = frames & -frames
        yield lowest.bit_length() - 1
        frames ^= lowest


@dataclass(frozen=True, slots=True)
class FrameLayout:
    """What ``pmm_init`` is told, as sets of frames.

    Args:
        available: the available bytes, sorted, disjoint, not adjacent.
        described: all bytes that a region describes.
        reserved_bytes: as ``pmm_init`` gets them.
        limit: ``config.physical_limit`` in bytes.
        boot: what firmware and kernel lie in: image, stack, tables, each with its name.
        table: the bytes of the firmware's table, which nobody changes.
        seams: numbers of frames inside which two available regions touch.
    """

    available: tuple[AddrRange, ...]
    described: tuple[AddrRange, ...]
    reserved_bytes: tuple[AddrRange, ...]
    limit: int
    boot: tuple[tuple[str, AddrRange], ...] = ()
    table: bytes = b""
    seams: frozenset[int] = frozenset()

    @property
    def usable(self) -> int:
        """The frames that are wholly available and below the limit; their number is the total."""
        return frame_set(self.available) & self.below_limit

    @property
    def reserved(self) -> int:
        """The frames that are reserved, frame 0 among them (KV-16)."""
        return touched_set(self.reserved_bytes) | 1

    @property
    def owned(self) -> int:
        """The frames that may be handed out; less where the bitmap takes some of them."""
        return self.usable & ~self.reserved

    @property
    def bitmap_frames_needed(self) -> int:
        """The frames that one bit for each frame below the limit takes."""
        return -(-self.limit // (PAGE_SIZE * PAGE_SIZE * 8))

    @property
    def below_limit(self) -> int:
        """All frames below the limit."""
        return (1 << self.limit // PAGE_SIZE) - 1

    def is_available_in_part(self, number: int) -> bool:
        """Whether the frame is available in part."""
        frame = AddrRange(number * PAGE_SIZE, (number + 1) * PAGE_SIZE)
        return any(item.overlaps(frame) for item in self.available)

    def is_described(self, number: int) -> bool:
        """Whether a region describes a byte of the frame."""
        frame = AddrRange(number * PAGE_SIZE, (number + 1) * PAGE_SIZE)
        return any(item.overlaps(frame) for item in self.described)

    def aliases(self, item: AddrRange, address: int) -> bool:
        """Whether the low 32 bits of an address in ``item`` are ``address``."""
        return (address - item.start) % (1 << 32) < item.length

    def owner(self, number: int) -> str:
        """Who a reserved frame belongs to, in words."""
        frame = AddrRange(number * PAGE_SIZE, (number + 1) * PAGE_SIZE)
        for name, item in self.boot:
            if item.overlaps(frame):
                return name
        return "the first MiB" if LOW_MEMORY.overlaps(frame) else "a reserved range"


@cache
def layout_of(spec: MachineSpec) -> FrameLayout:
    """What the kernel passes on this machine, by our own reading of the firmware's table."""
    machine = Machine(spec)
    boot_info = machine.power_on()
    available = available_ranges(spec)
    described = merged(AddrRange(e.base, e.end) for e in enabled_entries(spec))
    return FrameLayout(
        tuple(available),
        tuple(described),
        tuple(reserved_ranges(boot_info)),
        machine.physical_limit,
        tuple(_boot_ranges(boot_info)),
        machine.ram.read(boot_info.table, boot_info.count * boot_info.entry_size),
    )


def _boot_ranges(boot_info: BootInfo) -> Iterator[tuple[str, AddrRange]]:
    table_end = boot_info.table + boot_info.count * boot_info.entry_size
    yield "the kernel image", boot_info.kernel
    yield "the boot stack", boot_info.stack
    yield "the firmware's table", AddrRange(boot_info.table, table_end)


def layout_from(
    base: FrameLayout, regions: Sequence[MemoryRegion], reserved: Sequence[AddrRange]
) -> FrameLayout:
    """What ``pmm_init`` is told by a check itself, on the machine of ``base``."""
    free = merged(r.range for r in regions if r.kind is RegionKind.AVAILABLE)
    described = merged(r.range for r in regions)
    seams = frozenset(
        r.end // PAGE_SIZE
        for r in regions
        if r.kind is RegionKind.AVAILABLE and r.end % PAGE_SIZE
        if any(item.start < r.end < item.end for item in free)
    )
    return replace(
        base,
        available=tuple(free),
        described=tuple(described),
        reserved_bytes=tuple(reserved),
        seams=seams,
    )


def regions_of(layout: FrameLayout) -> list[MemoryRegion]:
    """The regions of a layout as ``pmm_init`` takes them: what is not available is reserved."""
    made = [MemoryRegion(r.start, r.length, RegionKind.AVAILABLE, 1) for r in layout.available]
    rest = without(layout.described, layout.available)
    made += [MemoryRegion(r.start, r.length, RegionKind.RESERVED, 2) for r in rest]
    return sorted(made, key=lambda region: region.base)
