"""What the kernel reserves before the frame allocator starts, and where the bitmap may lie."""

from collections.abc import Iterable
from typing import Final

from kernel_sim.addr import ONE_MIB, PAGE_SIZE, align_down, align_up
from kernel_sim.machine.firmware.available import frames_within, merged, without
from kernel_sim.values import AddrRange, BootInfo, MemoryRegion, RegionKind

BITMAP_START: Final = 0x9_0000
"""Where Kernel-V keeps its bitmap (KV-U3)."""
_POINTER_BYTES: Final = 6


def reserved_ranges(boot_info: BootInfo) -> list[AddrRange]:
    """The first MiB, image, stack and boot tables, merged, rounded outward (KV-16).

    In long mode also the firmware's page tables and the unmapped page below the stack.
    """
    ranges = [AddrRange(0, ONE_MIB), *_boot_ranges(boot_info)]
    return merged(
        AddrRange(align_down(item.start, PAGE_SIZE), align_up(item.end, PAGE_SIZE))
        for item in ranges
    )


def _boot_ranges(boot_info: BootInfo) -> list[AddrRange]:
    """Where the firmware put something that the kernel still needs, as physical addresses."""
    ranges = [boot_info.kernel, boot_info.stack, _tables(boot_info)]
    symbols = boot_info.symbols
    pointer = symbols.get("e820_pointer")
    if pointer is not None:
        ranges.append(AddrRange(pointer, pointer + _POINTER_BYTES))
    if "page_tables" in symbols:
        ranges.append(AddrRange(symbols["page_tables"], symbols["page_tables_end"]))
    if "guard_page" in symbols:
        ranges.append(AddrRange(boot_info.stack.start - PAGE_SIZE, boot_info.stack.start))
    return ranges


def _tables(boot_info: BootInfo) -> AddrRange:
    """The memory map, and the block that leads to it if there is one."""
    offset = boot_info.physical_memory_offset or 0
    start = boot_info.table if boot_info.handoff is None else boot_info.handoff
    end = boot_info.table + boot_info.count * boot_info.entry_size
    return AddrRange(start - offset, end - offset)


def available(regions: Iterable[MemoryRegion]) -> list[AddrRange]:
    """The AVAILABLE bytes of the descriptor table, adjacent regions joined."""
    return merged(
        AddrRange(item.base, item.end) for item in regions if item.kind is RegionKind.AVAILABLE
    )


def usable_frames(regions: Iterable[MemoryRegion], physical_limit: int) -> int:
    """Frames wholly in available memory below ``physical_limit``, before any reservation."""
    return frames_within(available(regions), 0, physical_limit)


def bitmap_area(
    regions: Iterable[MemoryRegion], boot_info: BootInfo, physical_limit: int
) -> AddrRange | None:
    """Available frames of the first MiB with room for one bit a frame, None if there are none.

    Kernel-V's own place is taken if it is free.
    """
    size = align_up(-(-physical_limit // (PAGE_SIZE * 8)), PAGE_SIZE)
    first_frame = AddrRange(0, PAGE_SIZE)
    beyond = AddrRange(ONE_MIB, 1 << 64)
    low = [item for item in available(regions) if item.start < ONE_MIB]
    free = without(low, [first_frame, beyond, *_boot_ranges(boot_info)])
    for start in (BITMAP_START, *(align_up(item.start, PAGE_SIZE) for item in free)):
        if any(item.start <= start and start + size <= item.end for item in free):
            return AddrRange(start, start + size)
    return None
