"""A powered PC, and a hand that builds page tables, gates and task states in its memory."""

from dataclasses import dataclass, field, replace

import pytest

from kernel_sim.machine import Machine, machine_spec
from kernel_sim.machine.control_bits import CR0_PE, CR0_PG, CR0_WP, CR4_PAE, EFER_LME, EFER_NXE
from kernel_sim.machine.descriptors import (
    code_segment,
    data_segment,
    interrupt_gate,
    interrupt_gate_64,
    tss_segment,
)
from kernel_sim.machine.devices.lapic import LAPIC

DIRECTORY = 0x20_0000
TABLES = 0x20_1000
PRESENT, WRITABLE, USER = 1, 2, 4
CODE, DATA, TASK = 0x08, 0x10, 0x18
IST_BYTES = 0x4000


@dataclass
class Bench:
    """A machine with the things that a kernel would set up."""

    machine: Machine
    next_table: int = TABLES
    faults: list = field(default_factory=list)

    @property
    def cpu(self):
        return self.machine.cpu

    @property
    def ram(self):
        return self.machine.ram

    @property
    def symbols(self):
        return self.machine.boot_info.symbols

    def new_table(self):
        table = self.next_table
        self.ram.write(table, bytes(4096))
        self.next_table += 0x1000
        return table

    def map(self, page, frame, flags=PRESENT | WRITABLE, table_flags=PRESENT | WRITABLE | USER):
        """Write a 32-bit page-table entry into RAM, behind the processor's back."""
        slot = DIRECTORY + 4 * (page >> 22)
        entry = self.ram.load(slot, 4)
        if not entry & PRESENT:
            entry = self.new_table() | table_flags
            self.ram.store(slot, 4, entry)
        self.ram.store(self.pte(page), 4, frame | flags)

    def pte(self, page):
        """The physical address of the entry that maps ``page``."""
        table = self.ram.load(DIRECTORY + 4 * (page >> 22), 4) & ~0xFFF
        return table + 4 * (page >> 12 & 0x3FF)

    def identity_map(self, end=0x10_0000):
        """A page directory that maps [4096, end) to itself, not yet used."""
        self.ram.write(DIRECTORY, bytes(4096))
        for page in range(0x1000, end, 0x1000):
            self.map(page, page)

    def turn_paging_on(self, end=0x10_0000):
        self.identity_map(end)
        self.cpu.cr3 = DIRECTORY
        self.cpu.cr0 |= CR0_PG

    def install(self, vector, handler, gate=None):
        """Register ``handler`` at the vector's stub and write its gate into the IDT."""
        stub = self.symbols["isr_stubs"] + 16 * vector
        self.cpu.register_handler(stub, handler)
        if self.cpu.long:
            raw = gate or interrupt_gate_64(stub, 8)
            self.cpu.write(self.symbols["idt"] + 16 * vector, raw)
        else:
            self.cpu.write(self.symbols["idt"] + 8 * vector, gate or interrupt_gate(stub, 8))

    def empty_idt(self):
        size = 16 if self.cpu.long else 8
        self.cpu.fill(self.symbols["idt"], 256 * size, 0)
        self.cpu.lidt(self.symbols["idt"], 256 * size - 1)

    def record_page_faults(self, mend=None):
        """A page-fault handler that keeps its frames and calls ``mend``."""

        def handler(frame):
            self.faults.append(frame)
            if mend:
                mend(frame)

        self.empty_idt()
        self.install(14, handler)

    def load_gdt_with_tss(self):
        """GDT: null, code, data, TSS (0x18), double-fault TSS (0x20); TR is loaded."""
        gdt = self.symbols["gdt"]
        self.cpu.write(
            gdt,
            bytes(8)
            + code_segment(long=self.cpu.long)
            + data_segment()
            + tss_segment(self.symbols["tss"], long=self.cpu.long)
            + tss_segment(self.symbols["df_tss"]),
        )
        self.cpu.fill(self.symbols["tss"], 104, 0)
        self.cpu.fill(self.symbols["df_tss"], 104, 0)
        self.cpu.lgdt(gdt, 0x2F)
        self.cpu.ltr(0x18)

    def enter_long_mode(self):
        """4-level tables: the first 2 MiB in 4 KiB pages, the rest up to 1 GiB in 2 MiB pages."""
        root, pdpt, pd, pt = (self.new_table() for _ in range(4))
        self.ram.store(root, 8, pdpt | 7)
        self.ram.store(pdpt, 8, pd | 7)
        self.ram.store(pd, 8, pt | 7)
        for index in range(1, 512):
            self.ram.store(pd + 8 * index, 8, index << 21 | 0x83)
        for index in range(1, 512):
            self.ram.store(pt + 8 * index, 8, index << 12 | 3)
        self.cpu.write(self.symbols["gdt"] + 8, code_segment(long=True))
        self.cpu.cr4 = CR4_PAE
        self.cpu.efer = EFER_LME | EFER_NXE
        self.cpu.cr3 = root
        self.cpu.cr0 = CR0_PE | CR0_WP | CR0_PG
        return pt


@pytest.fixture
def bench():
    """A pc128, powered on, in protected mode without paging."""
    machine = Machine(machine_spec("pc128"), seed=7)
    machine.power_on()
    return Bench(machine)


@pytest.fixture
def paged(bench):
    """A pc128 with the first MiB identity-mapped through 32-bit paging."""
    bench.turn_paging_on()
    return bench


class LongBench:
    """``boot512`` (or another machine), powered on, its tables loaded by ``cpu``."""

    def __init__(self, name="boot512", **changes):
        self.machine = Machine(replace(machine_spec(name), **changes), seed=5)
        self.machine.power_on()
        self.symbols = self.machine.boot_info.symbols
        self.offset = self.machine.boot_info.physical_memory_offset or 0
        self.apic = self.offset + LAPIC.start
        self.load_tables(self.machine.cpu)

    @property
    def cpu(self):
        return self.machine.cpu

    def load_tables(self, cpu):
        """GDT: null, code, data, TSS at 0x18; seven IST stacks and RSP0 in static data."""
        gdt, tss = self.symbols["gdt"], self.symbols["tss"]
        table = bytes(8) + code_segment(long=True) + data_segment() + tss_segment(tss, long=True)
        cpu.write(gdt, table)
        cpu.fill(tss, 104, 0)
        cpu.store(tss + 4, 8, self.rsp0)
        for number in range(1, 8):
            cpu.store(tss + 28 + 8 * number, 8, self.ist(number))
        cpu.lgdt(gdt, len(table) - 1)
        cpu.ltr(TASK)
        cpu.fill(self.symbols["idt"], 4096, 0)
        cpu.lidt(self.symbols["idt"], 4095)

    @property
    def rsp0(self):
        return self.ist(8)

    def ist(self, number):
        """The top of IST stack ``number``."""
        return self.symbols["bss"] + number * IST_BYTES

    def install(self, vector, handler, *, ist=0, cpu=None):
        stub = self.symbols["isr_stubs"] + 16 * vector
        (cpu or self.cpu).register_handler(stub, handler)
        gate = interrupt_gate_64(stub, CODE, ist=ist)
        self.cpu.write(self.symbols["idt"] + 16 * vector, gate)

    def frame(self, top, count):
        """``count`` words that were pushed below ``top``, in ascending order."""
        return [self.cpu.load(top - 8 * n, 8) for n in range(count, 0, -1)]

    def entry(self, page):
        """Where the 4 KiB entry for ``page`` lies, as a direct-map address."""
        return self.offset + self.cpu.mmu.walk_path(page)[-1].entry_address

    def events(self, kind):
        return [e.fields for e in self.machine.trace.events if e.kind == kind]


@pytest.fixture
def make_long_bench():
    """Machine name and changes of its spec → a `LongBench`."""
    return LongBench


@pytest.fixture
def long_bench():
    """A boot512 in long mode, with GDT, TSS and IDT."""
    return LongBench()
