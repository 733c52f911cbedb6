"""Where the firmware puts kernel image, boot stack and table: the seed's places or others.

The kernel image holds the room for the kernel's own tables, so that one range reserves it all::

    image + 0x00000   text: entry point, then functions
          + 0x10000   isr_stubs: 256 of 16 bytes
          + 0x11000   idt (4 KiB: 256 gates of up to 16 bytes)
          + 0x12000   gdt (256 B)   + 0x12100 tss   + 0x12200 df_tss
          + 0x13000   df_stack (4 KiB), df_stack_top at its end
          + 0x14000   end
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from kernel_sim.addr import ONE_MIB, PAGE_SIZE, align_up
from kernel_sim.machine.firmware.available import (
    available_ranges,
    frames_within,
    merged,
    physical_limit,
    without,
)
from kernel_sim.machine.spec import MachineSpec
from kernel_sim.values import AddrRange

IMAGE_START: Final = 0x1_0000
IMAGE_BYTES: Final = 0x1_4000
STACK_TOP: Final = 0x9_FB00
STACK_BYTES: Final = 0x4000
POINTER_ADDRESS: Final = 0x2000
TABLE_ADDRESS: Final = 0x5000
MIN_FRAMES: Final = 64
"""kernel-v needs so many available frames between 1 MiB and its limit."""
_ADAPTERS: Final = AddrRange(0xA_0000, ONE_MIB)
_FIRST_FRAME: Final = AddrRange(0, PAGE_SIZE)
TEXT_BYTES: Final = 0x1_0000
SYMBOL_OFFSETS: Final = {
    "isr_stubs": 0x1_0000,
    "idt": 0x1_1000,
    "gdt": 0x1_2000,
    "tss": 0x1_2100,
    "df_tss": 0x1_2200,
    "df_stack": 0x1_3000,
    "df_stack_top": 0x1_4000,
}


@dataclass(frozen=True, slots=True)
class Placement:
    """The physical ranges of image, boot stack, entry table, and of the pointer and the count."""

    image: AddrRange
    stack: AddrRange
    table: AddrRange
    pointer: AddrRange

    @property
    def text(self) -> AddrRange:
        """The part of the image that holds code."""
        return AddrRange(self.image.start, self.image.start + TEXT_BYTES)

    def symbols(self) -> dict[str, int]:
        """Name → address of what the image and the firmware's tables hold."""
        places = {name: self.image.start + offset for name, offset in SYMBOL_OFFSETS.items()}
        return {
            "kernel_main": self.image.start,
            **places,
            "stack_top": self.stack.end,
            "e820_table": self.table.start,
            "e820_pointer": self.pointer.start,
            "e820_count": self.pointer.start + 4,
        }


@lru_cache(maxsize=32)
def place(spec: MachineSpec) -> Placement | None:
    """Places in available memory below the physical limit; None if there is no room."""
    available = available_ranges(spec)
    limit = physical_limit(available)
    free = without(available, [_FIRST_FRAME, _ADAPTERS, AddrRange(limit, max(limit, 1 << 64))])
    found: list[AddrRange] = []
    for wanted, size in (
        (IMAGE_START, IMAGE_BYTES),
        (STACK_TOP - STACK_BYTES, STACK_BYTES),
        (TABLE_ADDRESS, len(spec.entries) * spec.entry_size),
        (POINTER_ADDRESS, 6),
    ):
        spot = _find(free, wanted, size)
        if spot is None:
            return None
        found.append(spot)
        free = without(free, [spot])
    return Placement(*found)


def _find(free: list[AddrRange], wanted: int, size: int) -> AddrRange | None:
    """``size`` bytes at ``wanted`` if they are free, else at the first page start that fits."""
    for item in free:
        if item.start <= wanted and wanted + size <= item.end:
            return AddrRange(wanted, wanted + size)
    for item in free:
        start = align_up(item.start, PAGE_SIZE)
        if start + size <= item.end:
            return AddrRange(start, start + size)
    return None


@lru_cache(maxsize=32)
def why_not_bootable(spec: MachineSpec) -> str | None:
    """None if kernel-v boots on this map, else one clause that says what is missing."""
    available = available_ranges(spec)
    if not available:
        return "the map describes no available memory"
    limit = physical_limit(available)
    frames = frames_within(merged(available), ONE_MIB, limit)
    if frames < MIN_FRAMES:
        return (
            f"{frames} frames are available between 1 MiB and {limit:#x}; "
            f"kernel-v needs {MIN_FRAMES}"
        )
    if place(spec) is None:
        return f"no room below {limit:#x} for kernel image, stack and tables"
    return None
