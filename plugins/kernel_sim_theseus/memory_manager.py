"""`MemoryManager`: the kernel's address space, built in one go from the handoff (TH-7 to TH-10).

::

    MemoryManager::new(handoff)   frames -> tables; CR3 stays as it is
    page_table_root               the physical address that CR3 will get
    log_layout_summary            what was mapped, range by range

``ksim memlayout --profile theseus`` walks the live tables and shows the same (TH-27). The ranges
are in `layout`, and are mapped in this order: identity, image, framebuffer, temporary
heap, PHYS_OFFSET, handoff, interrupt controllers (TH-U3).
"""

from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from kernel_sim.addr import PAGE_SIZE, align_down, align_up
from kernel_sim.errors import KernelError
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import AddrRange
from kernel_sim_theseus import layout
from kernel_sim_theseus.handoff import read_handoff
from kernel_sim_theseus.mapping import (
    fill_reserved_frames,
    map_range_with_policy,
    tables_for,
)

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel
    from kernel_sim.machine.firmware.uefi import Handoff


class Mapped(NamedTuple):
    """A range that was mapped, with what it is for."""

    name: str
    virtual: AddrRange
    physical: int
    flags: PageTableFlags


@dataclass(slots=True)
class MemoryManager:
    """The address space whose level 4 table is at ``page_table_root``."""

    page_table_root: int
    handoff: "Handoff"
    mapped: list[Mapped] = field(default_factory=list)

    @classmethod
    def new(cls, kernel: "Kernel") -> "MemoryManager":
        """Build the tables; the processor goes on in those of the firmware (TH-10).

        Raises:
            KernelError: the handoff contradicts itself, or frames run out.
        """
        handoff = read_handoff(kernel)
        fill_reserved_frames(kernel)
        root = kernel.hooks.pmm_alloc_frame()
        if root is None:
            raise KernelError("no frame", expected="one for the level 4 table")
        kernel.cpu.fill(kernel.hooks.phys_to_virt(root), PAGE_SIZE, 0)
        manager = cls(root, handoff)
        for item in manager.wanted(kernel):
            manager.map(kernel, item)
        tables_for(kernel, root, layout.TEMP_WINDOW_VA)
        return manager

    def map(self, kernel: "Kernel", item: Mapped) -> None:
        """Map one range and remember it."""
        virtual = item.virtual
        length = align_up(virtual.length, PAGE_SIZE)
        if not length:
            return
        map_range_with_policy(
            kernel, self.page_table_root, virtual.start, item.physical, length, item.flags
        )
        self.mapped.append(item)

    def wanted(self, kernel: "Kernel") -> list[Mapped]:
        """The ranges in the order in which they are mapped."""
        block = self.handoff
        broad = kernel.config.map_legacy_phys_offset_1gib
        shown = layout.BROAD_WINDOW_BYTES if broad else layout.LEAN_WINDOW_BYTES
        info = align_down(int(kernel.boot_info.handoff or 0), PAGE_SIZE)
        info_bytes = block.memory_map + block.memory_map_size - info
        image, image_bytes = block.kernel_physical_base, block.kernel_size
        screen, screen_bytes = block.framebuffer, block.framebuffer_size
        heap, heap_bytes = block.temp_heap_base, block.temp_heap_size
        code, data, window = layout.CODE_AND_DATA, layout.DATA, layout.WINDOW
        return [
            _mapped("identity", 0, 0, layout.IDENTITY_BYTES, code),
            _mapped("kernel image", layout.KERNEL_VIRTUAL_BASE, image, image_bytes, code),
            *_low_window(kernel),
            _mapped("framebuffer", layout.FRAMEBUFFER_VIRTUAL_BASE, screen, screen_bytes, data),
            _mapped("temporary heap", layout.TEMP_HEAP_VIRTUAL_BASE, heap, heap_bytes, data),
            _mapped("phys_offset", layout.PHYS_OFFSET, 0, shown, code),
            _mapped("handoff", layout.HANDOFF_VIRTUAL_BASE, info, info_bytes, window),
            _registers("lapic", layout.LAPIC),
            _registers("ioapic", layout.IOAPIC),
        ]

    def log_layout_summary(self, kernel: "Kernel") -> None:
        """Print each range in one line, with a summary of its flags (TH-26)."""
        for name, pieces in groupby(self.mapped, key=attrgetter("name")):
            parts = list(pieces)
            words = flag_summary(parts[0].flags)
            start, end = parts[0].virtual.start, parts[-1].virtual.end
            kernel.console.print(f"[LAYOUT] {start:#018x}-{end:#018x} {words:11} {name}")


def flag_summary(flags: PageTableFlags) -> str:
    """The flags as letters: Present, Writable, Global, No-execute, Cache off, Through."""
    letters = (
        (layout.PTE_PRESENT, "P"),
        (layout.PTE_WRITABLE, "W"),
        (layout.PTE_GLOBAL, "G"),
        (layout.PTE_NO_EXEC, "NX"),
        (layout.PTE_PCD, "PCD"),
        (layout.PTE_PWT, "PWT"),
    )
    return "|".join(letter for flag, letter in letters if flags & flag)


def _mapped(
    name: str, virtual: int, physical: int, size_bytes: int, flags: PageTableFlags
) -> Mapped:
    return Mapped(name, AddrRange(virtual, virtual + size_bytes), physical, flags)


def _registers(name: str, physical: int) -> Mapped:
    """An interrupt controller's registers, behind PHYS_OFFSET and past the caches."""
    virtual = layout.PHYS_OFFSET + physical
    return _mapped(name, virtual, physical, layout.MMIO_BYTES, layout.MMIO)


def _low_window(kernel: "Kernel") -> list[Mapped]:
    """The mapped window below the image, each page on a frame of its own (C13)."""
    start = layout.KERNEL_VIRTUAL_BASE - layout.LOW_WINDOW_BYTES
    return [
        _mapped("low window", start + number * PAGE_SIZE, frame, PAGE_SIZE, layout.WINDOW)
        for number, frame in enumerate(_fresh_frames(kernel, layout.LOW_WINDOW_BYTES))
    ]


def _fresh_frames(kernel: "Kernel", length: int) -> list[int]:
    """Cleared frames for ``length`` bytes.

    Raises:
        KernelError: there are not as many.
    """
    frames = []
    for _ in range(0, length, PAGE_SIZE):
        frame = kernel.hooks.pmm_alloc_frame()
        if frame is None:
            raise KernelError("no frame", expected="16 for the window below the image")
        kernel.cpu.fill(kernel.hooks.phys_to_virt(frame), PAGE_SIZE, 0)
        frames.append(frame)
    return frames
