import pytest

from kernel_sim.errors import MachineStopped, TripleFault
from kernel_sim.machine.control_bits import MSR_APIC_BASE
from kernel_sim.machine.devices.lapic import (
    CURRENT,
    DIVIDE,
    EOI,
    ESR,
    ID,
    INITIAL,
    LVT_MASKED,
    LVT_PERIODIC,
    LVT_TIMER,
    SVR,
    TPR,
    VERSION,
)

TIMER = 0x31


@pytest.fixture
def timed(long_bench):
    """A bench that counts timer interrupts and ends each; `set_up` starts the APIC."""
    long_bench.seen = []

    def handler(frame):
        long_bench.seen.append(frame)
        store(long_bench, EOI, 0)

    long_bench.install(TIMER, handler, ist=2)
    return long_bench


def store(bench, register, value):
    bench.cpu.store(bench.apic + register, 4, value)


def load(bench, register):
    return bench.cpu.load(bench.apic + register, 4)


def set_up(bench, initial=1000, lvt=TIMER | LVT_PERIODIC, divide=0b1011):
    store(bench, SVR, 0x1FF)
    store(bench, DIVIDE, divide)
    store(bench, LVT_TIMER, lvt)
    store(bench, INITIAL, initial)


def test_registers_hold_what_the_manual_says_at_power_on(long_bench):
    assert (load(long_bench, ID), load(long_bench, VERSION)) == (0, 0x0005_0014)
    assert (load(long_bench, SVR), load(long_bench, LVT_TIMER)) == (0xFF, LVT_MASKED)
    assert long_bench.cpu.rdmsr(MSR_APIC_BASE) == 0xFEE0_0900


@pytest.mark.parametrize(("offset", "size"), [(ID, 1), (ID, 2), (ID, 8), (ID + 2, 4)])
def test_other_than_aligned_32_bit_accesses_are_bus_errors(long_bench, offset, size):
    cpu, apic = long_bench.cpu, long_bench.apic
    assert cpu.load(apic + offset, size) == (1 << 8 * size) - 1
    cpu.store(apic + offset, size, 0)
    assert long_bench.events("bus_error") == [{"physical": 0xFEE0_0000 + offset, "size": size}] * 2


def test_current_counts_down_by_one_each_divided_clock(timed):
    set_up(timed, initial=100, divide=0b0011)
    timed.machine.tick(15)
    assert load(timed, CURRENT) == 100
    timed.machine.tick(1)
    assert load(timed, CURRENT) == 99
    timed.machine.tick(16 * 50)
    assert load(timed, CURRENT) == 49
    store(timed, CURRENT, 7)
    assert load(timed, CURRENT) == 49


def test_a_periodic_timer_interrupts_each_period(timed):
    set_up(timed)
    timed.cpu.sti()
    timed.machine.tick(3500)
    assert [frame.vector for frame in timed.seen] == [TIMER] * 3
    assert load(timed, CURRENT) == 500


def test_a_one_shot_timer_interrupts_once(timed):
    set_up(timed, lvt=TIMER)
    timed.cpu.sti()
    timed.machine.tick(10_000)
    assert len(timed.seen) == 1
    assert load(timed, CURRENT) == 0


def test_the_frame_of_an_interrupt_has_five_words_on_the_stack_of_its_gate(timed):
    cpu = timed.cpu
    set_up(timed, lvt=TIMER)
    cpu.sti()
    before = (cpu.ip, cpu.sp, cpu.flags)
    timed.machine.tick(1000)
    assert timed.frame(timed.ist(2), 5) == [cpu.ip, 0x08, cpu.flags, cpu.sp, 0x10]
    assert (cpu.ip, cpu.sp, cpu.flags) == before
    assert timed.seen[0].error_code is None
    assert timed.seen[0].pushed_at == timed.ist(2) - 40


def test_nothing_is_delivered_while_interrupts_are_off_and_all_of_it_after_sti(timed):
    set_up(timed)
    timed.machine.tick(5000)
    assert timed.seen == []
    timed.cpu.sti()
    assert len(timed.seen) == 1


def test_nothing_is_delivered_while_svr_bit_8_is_clear(timed):
    set_up(timed)
    timed.cpu.sti()
    store(timed, SVR, 0xFF)
    timed.machine.tick(5000)
    assert timed.seen == []
    assert load(timed, LVT_TIMER) & LVT_MASKED


def test_without_eoi_no_further_interrupt_comes(long_bench):
    seen = []
    long_bench.install(TIMER, seen.append)
    set_up(long_bench)
    long_bench.cpu.sti()
    long_bench.machine.tick(5000)
    assert len(seen) == 1
    store(long_bench, EOI, 0)
    long_bench.machine.tick(0)
    assert len(seen) == 2


def test_a_task_priority_of_the_vectors_class_holds_it_back(timed):
    set_up(timed)
    store(timed, TPR, TIMER & 0xF0)
    timed.cpu.sti()
    timed.machine.tick(1000)
    assert timed.seen == []
    store(timed, TPR, 0)
    timed.machine.tick(0)
    assert len(timed.seen) == 1


def test_in_the_handler_interrupts_are_off_and_the_vector_is_in_service(long_bench):
    state = []

    def handler(_frame):
        state.append((long_bench.cpu.flags & 0x200, load(long_bench, 0x110) >> (TIMER - 32) & 1))
        store(long_bench, EOI, 0)
        state.append(load(long_bench, 0x110))

    long_bench.install(TIMER, handler)
    set_up(long_bench, lvt=TIMER)
    long_bench.cpu.sti()
    long_bench.machine.tick(1000)
    assert state == [(0, 1), 0]


def test_an_illegal_vector_is_an_error_and_no_interrupt(timed):
    set_up(timed, lvt=5)
    timed.cpu.sti()
    timed.machine.tick(1000)
    assert load(timed, ESR) == 0x40
    store(timed, ESR, 0)
    load(timed, 0x3F0)
    assert load(timed, ESR) == 0x80


def test_a_vector_without_a_gate_ends_in_a_triple_fault(long_bench):
    set_up(long_bench)
    long_bench.cpu.sti()
    with pytest.raises(TripleFault, match="no gate"):
        long_bench.machine.tick(1000)


def test_a_fault_in_the_timer_handler_on_the_same_ist_overwrites_its_frame(long_bench):
    """Bulldog's shared IST (BD-U5): the outer handler can't return any more."""
    bench = long_bench
    page = bench.symbols["bss"] + 0x7_0000

    def on_timer(_frame):
        bench.timer_frame = bench.frame(bench.ist(2), 5)
        bench.cpu.store(page, 8, 1)
        bench.after = bench.frame(bench.ist(2), 5)
        raise MachineStopped("enough")

    def on_page_fault(_frame):
        bench.cpu.store(entry, 8, bench.cpu.load(entry, 8) | 1)

    bench.install(TIMER, on_timer, ist=2)
    bench.install(14, on_page_fault, ist=2)
    entry = bench.entry(page)
    bench.cpu.store(entry, 8, bench.cpu.load(entry, 8) & ~1)
    set_up(bench)
    bench.cpu.sti()
    with pytest.raises(MachineStopped, match="enough"):
        bench.machine.tick(1000)
    assert bench.timer_frame != bench.after


def test_a_page_without_pcd_is_warned_of_once(long_bench):
    load(long_bench, ID)
    load(long_bench, VERSION)
    (warning,) = long_bench.events("warning")
    assert (warning["physical"], warning["address"]) == (0xFEE0_0020, long_bench.apic + ID)


def test_a_page_with_pcd_is_not_warned_of(long_bench):
    cpu = long_bench.cpu
    entry = long_bench.entry(long_bench.apic)
    cpu.store(entry, 8, cpu.load(entry, 8) | 0x10)
    load(long_bench, ID)
    assert long_bench.events("warning") == []


def test_machines_with_an_e820_table_have_no_apic_and_time_passes_without_effect(bench):
    assert bench.cpu.load(0xFEE0_0020, 4) == 0xFFFF_FFFF
    bench.machine.tick(1000)
    assert bench.machine.trace.events == []


def test_time_does_not_run_backwards(bench):
    with pytest.raises(ValueError, match="backwards"):
        bench.machine.tick(-1)


def test_the_ioapic_shows_its_version_and_masked_entries(long_bench):
    cpu, at = long_bench.cpu, long_bench.offset + 0xFEC0_0000
    shown = []
    for register in (0, 1, 0x10, 0x3F, 0x40):
        cpu.store(at, 4, register)
        shown.append(cpu.load(at + 0x10, 4))
    assert shown == [0, 0x17_0011, 0x1_0000, 0, 0]
    cpu.store(at, 4, 0x12)
    cpu.store(at + 0x10, 4, 0x42)
    assert (cpu.load(at, 4), cpu.load(at + 0x10, 4)) == (0x12, 0x42)
    assert cpu.load(at + 0x10, 2) == 0xFFFF
    assert long_bench.events("bus_error") == [{"physical": 0xFEC0_0010, "size": 2}]
