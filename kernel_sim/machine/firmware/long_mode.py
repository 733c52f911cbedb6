"""Hands over to a kernel that starts in long mode: tables, image, memory map and processor state.

A processor starts at ``kernel_main`` with CR0.PE, WP and PG, CR4.PAE, EFER.LME, LMA and NXE, IF
clear, GDT (null, 64-bit code, data), no IDT and no TSS. What is mapped::

    'uefi'              [0, 4 GiB) and every GiB with RAM to itself: 2 MiB pages, writable; the
                        kernel runs at its physical address; `BootInfo.physical_memory_offset` None
    'bootinfo', high    offset + the same GiBs: 2 MiB pages, writable, no-execute
                        0xFFFFFFFF80000000  kernel image, 4 KiB pages; the kernel runs here
                        0xFFFFFFFFC0000000  a boot stack every 256 KiB, the page below unmapped
                        nothing in the lower half
    'bootinfo', low     offset as above, and [0, 1 GiB) or more to itself; the kernel runs at its
                        physical address, on a stack there; nothing at 0xFFFFFFFF80000000 yet

`BootInfo.kernel` and ``.stack`` are physical, ``.table``, ``.handoff`` and the symbols are
addresses that the first instruction can use. Symbols beside those of the image:

``kernel_physical_base`` ``kernel_virtual_base`` ``stack_bottom`` ``stack_top`` ``guard_page``
``stack_top_1`` (of processor 1, and so on) ``page_tables`` ``page_tables_end`` (physical, the
whole room of the firmware's tables) ``vga_text`` (the text screen) and, where there is one,
``framebuffer`` (physical) and ``rsdp`` (physical).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kernel_sim.addr import HUGE_PAGE_SIZE, PAGE_SIZE
from kernel_sim.machine.control_bits import CR4_PAE, EFER_LMA, EFER_LME, EFER_NXE
from kernel_sim.machine.cpu import Cpu
from kernel_sim.machine.descriptors import code_segment, data_segment
from kernel_sim.machine.devices.framebuffer import framebuffer_range
from kernel_sim.machine.devices.vga import VGA_TEXT
from kernel_sim.machine.firmware.acpi import acpi_tables
from kernel_sim.machine.firmware.boot_blocks import write_boot_block, write_handoff
from kernel_sim.machine.firmware.boot_tables import BootTables
from kernel_sim.machine.firmware.bootinfo import REGION_BYTES
from kernel_sim.machine.firmware.long_mode_placement import (
    BSS_BYTES,
    KERNEL_VIRTUAL_BASE,
    TABLES_OFFSET,
    LongModePlacement,
    low_gibs,
    mapped_gibs,
)
from kernel_sim.machine.firmware.placement import IMAGE_BYTES, TEXT_BYTES
from kernel_sim.machine.ram import Ram
from kernel_sim.machine.registers import TableRegister
from kernel_sim.machine.spec import MachineSpec
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import AddrRange, BootInfo

__all__ = ["KERNEL_VIRTUAL_BASE", "LongModeFirmware", "high_half_symbols"]

BOOT_STACKS: Final = 0xFFFF_FFFF_C000_0000
BOOT_STACK_STRIDE: Final = 0x4_0000
KERNEL_CODE: Final = 0x08
KERNEL_DATA: Final = 0x10
_NOP: Final = b"\x90"
_CODE: Final = int(PageTableFlags.PRESENT)
_CODE_AND_DATA: Final = int(PageTableFlags.PRESENT | PageTableFlags.WRITABLE)
_DATA: Final = _CODE_AND_DATA | int(PageTableFlags.NO_EXECUTE)


@dataclass(frozen=True, slots=True)
class LongModeFirmware:
    """The firmware of one machine: writes to ``ram``, starts the processors."""

    spec: MachineSpec
    ram: Ram
    placement: LongModePlacement

    @property
    def rsdp(self) -> int:
        """Physical address of the ACPI root pointer, 0 if there is none."""
        return self.placement.acpi.start if self.spec.nodes else 0

    @property
    def high(self) -> bool:
        """Whether the kernel starts where it is linked, in the higher half."""
        return self.spec.firmware == "bootinfo" and self.spec.entry_point == "high"

    @property
    def offset(self) -> int:
        """What is added to a physical address to reach it: 0 under UEFI."""
        return self.spec.physical_memory_offset if self.spec.firmware == "bootinfo" else 0

    def hand_over(self, cpus: Sequence[Cpu]) -> BootInfo:
        """Fill RAM, start ``cpus`` and return what the kernel is told."""
        self._fill_image()
        if self.spec.nodes:
            self.ram.write(self.rsdp, acpi_tables(self.rsdp, self.spec.nodes))
        root = self._build_tables()
        symbols = self._symbols()
        for number, cpu in enumerate(cpus):
            self._start(cpu, number, root, symbols)
        return self._tell(symbols)

    # --- memory ----------------------------------------------------------------------------------

    def _fill_image(self) -> None:
        """Code bytes at the entry point, a 64-bit GDT, and zeroed static data."""
        start = self.placement.image.start
        self.ram.write(start, _NOP * 64)
        gdt = bytes(8) + code_segment(long=True) + data_segment()
        self.ram.write(self.placement.image_symbols(start)["gdt"], gdt)
        self.ram.write(start + IMAGE_BYTES, bytes(BSS_BYTES))

    def _build_tables(self) -> int:
        """Write the page tables drawn above; the physical address of their root."""
        tables = BootTables(self.placement.tables)
        flags = _DATA if self.offset else _CODE_AND_DATA
        for gib in mapped_gibs(self.spec):
            physical = gib * HUGE_PAGE_SIZE
            tables.map_gib(self.offset + physical, physical, flags)
        if self.high:
            self._map_high(tables)
        else:
            self._map_low(tables)
        tables.write(self.ram)
        return tables.root

    def _map_high(self, tables: BootTables) -> None:
        image, base = self.placement.image, KERNEL_VIRTUAL_BASE
        for first, last, flags in (
            (0, TEXT_BYTES, _CODE),
            (TEXT_BYTES, TEXT_BYTES + PAGE_SIZE, _CODE_AND_DATA),
            (TEXT_BYTES + PAGE_SIZE, image.length, _DATA),
        ):
            tables.map_pages(AddrRange(base + first, base + last), image.start + first, flags)
        for number, stack in enumerate(self.placement.stacks):
            tables.map_pages(self._stack(number), stack.start, _DATA)

    def _map_low(self, tables: BootTables) -> None:
        """The identity map, with a hole at each guard."""
        if self.offset:
            for gib in low_gibs(self.placement):
                physical = gib * HUGE_PAGE_SIZE
                tables.map_gib(physical, physical, _CODE_AND_DATA)
        for guard in self.placement.guards:
            tables.unmap_page(guard)

    def _stack(self, number: int) -> AddrRange:
        """The linear addresses of processor ``number``'s boot stack."""
        stack = self.placement.stacks[number]
        if not self.high:
            return stack
        top = BOOT_STACKS + (number + 1) * BOOT_STACK_STRIDE
        return AddrRange(top - stack.length, top)

    # --- processors ------------------------------------------------------------------------------

    def _symbols(self) -> dict[str, int]:
        placement, stack = self.placement, self._stack(0)
        base = KERNEL_VIRTUAL_BASE if self.high else placement.image.start
        symbols = {
            **placement.image_symbols(base),
            "kernel_physical_base": placement.image.start,
            "kernel_virtual_base": KERNEL_VIRTUAL_BASE,
            "stack_bottom": stack.start,
            "stack_top": stack.end,
            "guard_page": stack.start - PAGE_SIZE,
            "page_tables": placement.tables.start,
            "page_tables_end": placement.tables.end,
            "vga_text": self.offset + VGA_TEXT,
        }
        for number in range(1, self.spec.cpu_count):
            symbols[f"stack_top_{number}"] = self._stack(number).end
        framebuffer = framebuffer_range(self.spec)
        if framebuffer:
            symbols["framebuffer"] = framebuffer.start
        if self.rsdp:
            symbols["rsdp"] = self.rsdp
        return symbols

    def _start(self, cpu: Cpu, number: int, root: int, symbols: dict[str, int]) -> None:
        base = symbols["kernel_main"]
        efer = EFER_LME | EFER_LMA | EFER_NXE
        cpu.hand_over(cr4=CR4_PAE, cr3=root, efer=efer, bootstrap=number == 0)
        cpu.start(
            text=AddrRange(base, base + TEXT_BYTES),
            symbols=dict(symbols),
            ip=base,
            sp=self._stack(number).end,
        )
        cpu.gdtr = TableRegister(symbols["gdt"], 23)
        cpu.segments = {"cs": KERNEL_CODE, "ds": KERNEL_DATA, "es": KERNEL_DATA, "ss": KERNEL_DATA}

    # --- what the kernel is told -----------------------------------------------------------------

    def _tell(self, symbols: dict[str, int]) -> BootInfo:
        """Write the memory map and the block that points to it; the handle to both."""
        placement, spec = self.placement, self.spec
        if spec.firmware == "uefi":
            count = write_handoff(self.ram, spec, placement, self.rsdp)
        else:
            count = write_boot_block(self.ram, spec, placement, self.rsdp)
        block = self.offset + placement.info.start
        return BootInfo(
            kind=spec.firmware,
            table=block + TABLES_OFFSET,
            count=count,
            entry_size=spec.descriptor_size if spec.firmware == "uefi" else REGION_BYTES,
            kernel=placement.image,
            stack=placement.stacks[0],
            symbols=symbols,
            physical_memory_offset=self.offset if spec.firmware == "bootinfo" else None,
            handoff=block,
        )


def high_half_symbols(boot_info: BootInfo) -> dict[str, int]:
    """The symbols of ``boot_info`` as they are once the image is mapped where it is linked.

    For ``cpu.start`` or ``cpu.symbols.update`` after the jump from a low entry point.
    """
    image = boot_info.kernel
    return {
        name: KERNEL_VIRTUAL_BASE + address - image.start
        for name, address in boot_info.symbols.items()
        if image.start <= address <= image.end and name != "kernel_physical_base"
    }
