"""Where a firmware that starts kernels in long mode puts what it hands over.

All of it lies in available memory from 1 MiB on, in whole pages. The kernel image begins as on the
32-bit machine and has room for static data behind that, zeroed as a loader zeroes it::

    image + 0x00000   text: entry point, then functions          read-only
          + 0x10000   isr_stubs: 256 of 16 bytes                 writable, executable
          + 0x11000   idt   + 0x12000 gdt   + 0x12100 tss        writable, no-execute, and so on:
          + 0x13000   df_stack, df_stack_top at its end
          + 0x14000   bss: static arrays and interrupt stacks
          + 0x94000   bss_end

Under each boot stack is a guard page: one that no table maps.
"""

from dataclasses import dataclass
from typing import Final

from kernel_sim.addr import HUGE_PAGE_SIZE, ONE_MIB, PAGE_SIZE, align_down, align_up
from kernel_sim.machine.firmware.available import (
    available_ranges,
    backed_ranges,
    frames_within,
    without,
)
from kernel_sim.machine.firmware.bootinfo import REGION_BYTES
from kernel_sim.machine.firmware.placement import IMAGE_BYTES, SYMBOL_OFFSETS, TEXT_BYTES
from kernel_sim.machine.spec import MachineSpec
from kernel_sim.values import AddrRange

KERNEL_VIRTUAL_BASE: Final = 0xFFFF_FFFF_8000_0000
"""Where kernels are linked, and the image is mapped (TH-2)."""
BSS_BYTES: Final = 0x8_0000
LONG_IMAGE_BYTES: Final = IMAGE_BYTES + BSS_BYTES
BOOT_STACK_BYTES: Final = 0x1_9000
"""100 KiB, as Bulldog asks for (BD-U6)."""
TEMP_HEAP_BYTES: Final = ONE_MIB
ACPI_BYTES: Final = 0x4000
"""Room for the tables of as many nodes as a machine may have."""
TABLES_OFFSET: Final = 0x200
"""The memory map begins so far behind the block that points to it."""
MIN_FRAMES: Final = 512
"""So many available frames have to be left for the kernel: 2 MiB."""
MAX_GIBS: Final = 2048
"""The direct map covers no more than so many GiB: 2 TiB."""
_SPARE_TABLES: Final = 12
_ALWAYS_MAPPED_GIBS: Final = 4
_LOWER_HALF_END: Final = 1 << 47
_IMAGE_SLOT: Final = 0xFFFF_FF80_0000_0000


@dataclass(frozen=True, slots=True)
class LongModePlacement:
    """Physical ranges in whole pages. ``stacks`` has one for each processor, without its guard."""

    image: AddrRange
    stacks: tuple[AddrRange, ...]
    guards: tuple[int, ...]
    tables: AddrRange
    info: AddrRange
    acpi: AddrRange
    temp_heap: AddrRange
    """Empty where there is none."""

    @property
    def text(self) -> AddrRange:
        """The part of the image that holds code."""
        return AddrRange(self.image.start, self.image.start + TEXT_BYTES)

    def used(self) -> list[AddrRange]:
        """Everything, guards too; sorted."""
        stacks = [
            AddrRange(min(guard, stack.start), stack.end)
            for guard, stack in zip(self.guards, self.stacks, strict=True)
        ]
        ranges = [self.image, *stacks, self.tables, self.info, self.acpi, self.temp_heap]
        return sorted(item for item in ranges if item)

    def image_symbols(self, base: int) -> dict[str, int]:
        """Name → address of what the image holds when it is mapped at ``base``."""
        places = {name: base + offset for name, offset in SYMBOL_OFFSETS.items()}
        bss = base + IMAGE_BYTES
        return {"kernel_main": base, **places, "bss": bss, "bss_end": bss + BSS_BYTES}


def place_long_mode(spec: MachineSpec) -> LongModePlacement | None:
    """Places in available memory, lowest addresses first; None if there is no room."""
    low = AddrRange(0, ONE_MIB)
    rooms = _Rooms(without(available_ranges(spec), [low]))
    try:
        image = rooms.take(LONG_IMAGE_BYTES)
        guarded = [rooms.take(PAGE_SIZE + BOOT_STACK_BYTES) for _ in range(spec.cpu_count)]
        return LongModePlacement(
            image=image,
            stacks=tuple(AddrRange(item.start + PAGE_SIZE, item.end) for item in guarded),
            guards=tuple(item.start for item in guarded),
            tables=rooms.take(_table_frames(spec) * PAGE_SIZE),
            info=rooms.take(_info_bytes(spec)),
            acpi=rooms.take(ACPI_BYTES if spec.nodes else 0),
            temp_heap=rooms.take(TEMP_HEAP_BYTES if spec.firmware == "uefi" else 0),
        )
    except _NoRoomError:
        return None


def why_not_long_mode(spec: MachineSpec) -> str | None:
    """None if the firmware can hand over, else one clause that says what is missing."""
    available = available_ranges(spec)
    if not available:
        return "the map describes no available memory"
    gibs = mapped_gibs(spec)
    if len(gibs) > MAX_GIBS:
        return f"memory in {len(gibs)} GiB of addresses; the direct map covers {MAX_GIBS}"
    offset = 0 if spec.firmware == "uefi" else spec.physical_memory_offset
    end = offset + (gibs[-1] + 1) * HUGE_PAGE_SIZE
    if end > (_LOWER_HALF_END if offset < _LOWER_HALF_END else _IMAGE_SLOT):
        return f"a direct map at {offset:#x} would end at {end:#x}"
    placement = place_long_mode(spec)
    if placement is None:
        return "no room from 1 MiB on for kernel image, stack, tables and heap"
    left = frames_within(without(available, placement.used()), ONE_MIB, 1 << 64)
    if left < MIN_FRAMES:
        return f"{left} frames are left from 1 MiB on; a kernel needs {MIN_FRAMES}"
    return None


def mapped_gibs(spec: MachineSpec) -> list[int]:
    """The numbers of the GiB of physical memory that the firmware maps: 0 to 3, and all with RAM.

    So MMIO below 4 GiB is reached too.
    """
    gibs = set(range(_ALWAYS_MAPPED_GIBS))
    for item in backed_ranges(spec):
        last = min((item.end - 1) // HUGE_PAGE_SIZE, item.start // HUGE_PAGE_SIZE + MAX_GIBS)
        gibs.update(range(item.start // HUGE_PAGE_SIZE, last + 1))
    return sorted(gibs)


def low_gibs(placement: LongModePlacement) -> range:
    """The GiB of low memory that an identity map for a low entry point covers."""
    return range(max(1, -(-placement.used()[-1].end // HUGE_PAGE_SIZE)))


def _table_frames(spec: MachineSpec) -> int:
    """An upper bound of the page tables that the firmware builds."""
    gibs = mapped_gibs(spec)
    slots = len({gib // 512 for gib in gibs}) + 1
    identity = gibs if spec.entry_point == "low" else ()
    return len(gibs) + slots + len(identity) + _SPARE_TABLES


def _info_bytes(spec: MachineSpec) -> int:
    """Whole pages for the block and for a map that each used range cuts twice."""
    sources = max(len(spec.entries), len(spec.descriptors))
    count = sources + 2 * (spec.cpu_count + 6)
    stride = max(spec.descriptor_size, REGION_BYTES)
    return align_up(TABLES_OFFSET + count * stride, PAGE_SIZE)


class _NoRoomError(Exception):
    """There is no range of the size asked for."""


class _Rooms:
    """Available memory that is given out first fit, in whole pages."""

    def __init__(self, free: list[AddrRange]) -> None:
        self._free = [
            AddrRange(align_up(item.start, PAGE_SIZE), align_down(item.end, PAGE_SIZE))
            for item in free
            if align_up(item.start, PAGE_SIZE) <= align_down(item.end, PAGE_SIZE)
        ]

    def take(self, size_bytes: int) -> AddrRange:
        """The lowest free range of ``size_bytes``; an empty one for 0.

        Raises:
            _NoRoomError: there is none.
        """
        if not size_bytes:
            return AddrRange(0, 0)
        for index, item in enumerate(self._free):
            if item.length >= size_bytes:
                self._free[index] = AddrRange(item.start + size_bytes, item.end)
                return AddrRange(item.start, item.start + size_bytes)
        raise _NoRoomError
