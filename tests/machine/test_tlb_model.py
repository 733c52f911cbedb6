"""The processor's memory against a model of three dictionaries: tables, a TLB, and bytes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_sim.machine import Machine, machine_spec
from kernel_sim.machine.control_bits import CR0_PG
from kernel_sim.machine.descriptors import interrupt_gate

PRESENT, WRITABLE = 1, 2
DIRECTORY = 0x20_0000
TABLE_OF_SLOT = {0: 0x20_1000, 2: 0x20_2000, 0x300: 0x20_3000, 0x3FF: 0x20_4000}
PAGES = [0x80_0000 + 0x1000 * n for n in range(4)] + [0xC000_0000, 0xFFFF_F000]
FRAMES = [0x40_0000, 0x40_1000, 0x40_2000]
page, offset = st.sampled_from(PAGES), st.integers(0, 4095)
STEPS = st.one_of(
    st.tuples(st.just("map"), page, st.sampled_from(FRAMES), st.sampled_from([0, 1, 3])),
    st.tuples(st.just("invlpg"), page),
    st.tuples(st.just("flush")),
    st.tuples(st.just("load"), page, offset),
    st.tuples(st.just("store"), page, offset, st.integers(0, 255)),
    st.tuples(st.just("store_4"), page, st.integers(0, 1023), st.integers(0, 0xFFFF_FFFF)),
    st.tuples(st.just("write"), page, st.integers(0, 4000), st.binary(min_size=1, max_size=90)),
)


class FaultedError(Exception):
    """The page-fault handler ran."""


class Model:
    """What the manual says, in dictionaries. Steps answer as those of `Real` do."""

    def __init__(self):
        self.tables, self.tlb, self.memory = {}, {}, {}

    def map(self, page, frame, flags):
        self.tables[page] = (frame, flags)

    def invlpg(self, page):
        self.tlb.pop(page, None)

    def flush(self):
        self.tlb.clear()

    def load(self, page, offset):
        return self.memory.get(self.access(page, write=False) + offset, 0)

    def store(self, page, offset, value):
        self.memory[self.access(page, write=True) + offset] = value

    def store_4(self, page, word, value):
        self.write(page, 4 * word, value.to_bytes(4, "little"))

    def write(self, page, offset, data):
        for at, value in enumerate(data, start=offset):
            self.store(page, at, value)

    def access(self, page, *, write):
        """The frame behind ``page``."""
        frame, flags, dirty = self.tlb.get(page, (0, 0, False))
        if flags and write and not flags & WRITABLE:
            del self.tlb[page]
            raise FaultedError
        if not flags or (write and not dirty):
            frame, flags = self.tables.get(page, (0, 0))
            if not flags & PRESENT or (write and not flags & WRITABLE):
                raise FaultedError
            self.tlb[page] = (frame, flags, write)
        return frame


class Real:
    """The machine, with tables written behind the processor's back."""

    def __init__(self):
        machine = Machine(machine_spec("pc128"), seed=1)
        symbols = machine.power_on().symbols
        self.cpu, self.ram, self.trace = machine.cpu, machine.ram, machine.trace
        for place in (DIRECTORY, *TABLE_OF_SLOT.values(), *FRAMES):
            self.ram.write(place, bytes(4096))
        for slot, table in TABLE_OF_SLOT.items():
            self.ram.store(DIRECTORY + 4 * slot, 4, table | 3)
        for number in range(256):
            self.map(number << 12, number << 12, 3)
        self.cpu.cr3 = DIRECTORY
        self.cpu.cr0 |= CR0_PG
        self.cpu.fill(symbols["idt"], 2048, 0)
        self.cpu.write(symbols["idt"] + 14 * 8, interrupt_gate(symbols["isr_stubs"], 8))
        self.cpu.lidt(symbols["idt"], 2047)
        self.cpu.register_handler(symbols["isr_stubs"], self.on_fault)

    def on_fault(self, _frame):
        raise FaultedError

    def map(self, page, frame, flags):
        table = TABLE_OF_SLOT[page >> 22]
        self.ram.store(table + 4 * (page >> 12 & 0x3FF), 4, frame | flags)

    def invlpg(self, page):
        self.cpu.invlpg(page)

    def flush(self):
        self.cpu.cr3 = DIRECTORY

    def load(self, page, offset):
        return self.cpu.load(page + offset, 1)

    def store(self, page, offset, value):
        self.cpu.store(page + offset, 1, value)

    def store_4(self, page, word, value):
        self.cpu.store(page + 4 * word, 4, value)

    def write(self, page, offset, data):
        self.cpu.write(page + offset, data)


def outcome(side, step):
    """What ``step`` answers, or that it faulted."""
    name, *arguments = step
    try:
        return getattr(side, name)(*arguments)
    except FaultedError:
        return "fault"


@settings(max_examples=200, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_the_processor_agrees_with_a_model_of_dictionaries(steps):
    real, model = Real(), Model()
    for step in steps:
        assert outcome(real, step) == outcome(model, step)
    for address, value in model.memory.items():
        assert real.ram.load(address, 1) == value


@settings(max_examples=200, deadline=None)
@given(st.lists(STEPS, max_size=20), st.lists(STEPS, max_size=40))
def test_recorded_stores_do_what_plain_ones_do_and_can_be_undone(before, recorded):
    real, model = Real(), Model()
    for step in before:
        assert outcome(real, step) == outcome(model, step)
    then = [real.ram.read(frame, 4096) for frame in FRAMES]
    real.trace.stores = True
    for step in recorded:
        assert outcome(real, step) == outcome(model, step)
    for address, value in model.memory.items():
        assert real.ram.load(address, 1) == value
    for record in reversed(real.trace.store_log):
        assert real.ram.read(record.physical, len(record.new)) == record.new
        real.ram.journal = None
        real.ram.write(record.physical, record.old)
    assert [real.ram.read(frame, 4096) for frame in FRAMES] == then


def test_the_model_tells_a_tlb_that_forgets_from_one_that_does_not():
    steps = [("map", PAGES[0], FRAMES[0], 3), ("load", PAGES[0], 0), ("map", PAGES[0], 0, 0)]
    real, model = Real(), Model()
    for step in steps:
        assert outcome(real, step) == outcome(model, step)
    real.cpu.tlb.flush()
    real.cpu.forget_fast_path()
    assert outcome(real, ("load", PAGES[0], 0)) != outcome(model, ("load", PAGES[0], 0))


@pytest.mark.parametrize("slot", TABLE_OF_SLOT)
def test_the_model_reaches_every_table(slot):
    assert slot == 0 or any(page >> 22 == slot for page in PAGES)
