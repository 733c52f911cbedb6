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
        handoff = self.handoff
        broad = kernel.config.map_legacy_phys_offset_1gib
        seen = layout.BROAD_WINDOW_BYTES if broad else layout.LEAN_WINDOW_BYTES
        info = align_down(int(kernel.boot_info.handoff or 0), PAGE_SIZE)
        info_end = handoff.memory_map + handoff.memory_map_size
        low_window = _fresh_frames(kernel, layout.LOW_WINDOW_BYTES)
        base = layout.KERNEL_VIRTUAL_BASE
        places = [
            ("identity", 0, 0, layout.IDENTITY_BYTES, layout.CODE_AND_DATA),
            ("kernel image", base, handoff.kernel_physical_base, handoff.kernel_size, None),
            (
                "framebuffer",
                layout.FRAMEBUFFER_VIRTUAL_BASE,
                handoff.framebuffer,
                handoff.framebuffer_size,
                layout.DATA,
            ),
            (
                "temporary heap",
                layout.TEMP_HEAP_VIRTUAL_BASE,
                handoff.temp_heap_base,
                handoff.temp_heap_size,
                layout.DATA,
            ),
            ("phys_offset", layout.PHYS_OFFSET, 0, seen, layout.CODE_AND_DATA),
            ("handoff", layout.HANDOFF_VIRTUAL_BASE, info, info_end - info, layout.WINDOW),
        ]
        places += [
            (name, layout.PHYS_OFFSET + physical, physical, layout.MMIO_BYTES, layout.MMIO)
            for name, physical in (("lapic", layout.LAPIC), ("ioapic", layout.IOAPIC))
        ]
        ranges = [
            Mapped(name, AddrRange(start, start + size), physical, flags or layout.CODE_AND_DATA)
            for name, start, physical, size, flags in places
        ]
        start = base - layout.LOW_WINDOW_BYTES
        window = [
            Mapped(
                "low window",
                AddrRange(start + offset, start + offset + PAGE_SIZE),
                frame,
                layout.WINDOW,
            )
            for offset, frame in zip(
                range(0, layout.LOW_WINDOW_BYTES, PAGE_SIZE), low_window, strict=True
            )
        ]
        return [*ranges[:2], *window, *ranges[2:]]

    def log_layout_summary(self, kernel: "Kernel") -> None:
        """Print each range with a summary of its flags (TH-26)."""
        for item in self.mapped:
            words = flag_summary(item.flags)
            start, end = item.virtual.start, item.virtual.end
            kernel.console.print(f"[LAYOUT] {start:#018x}-{end:#018x} {words:11} {item.name}")


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
