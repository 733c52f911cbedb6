import gc
import time
import weakref
from itertools import pairwise

import pytest

from kernel_sim.errors import InputError, KernelError
from kernel_sim.machine import Machine, machine_spec, ram_for, random_spec

PAGE = 0x80_0000


def work(bench):
    """A little of everything that leaves a trace."""
    bench.record_page_faults(lambda _frame: bench.map(PAGE, 0x40_0000))
    bench.turn_paging_on()
    bench.cpu.store(PAGE + 4, 4, 5)
    bench.machine.trace.emit("log", event="done", where={PAGE, 1, 2})
    return bench.machine.trace.hash()


def test_power_on_is_explicit():
    machine = Machine(machine_spec("pc4"))
    with pytest.raises(KernelError, match="powered on"):
        _ = machine.boot_info
    assert machine.power_on() == machine.boot_info


def test_the_same_inputs_give_the_same_trace(bench):
    other = Machine(machine_spec("pc128"), seed=7)
    other.power_on()
    twin = type(bench)(other)
    assert work(bench) == work(twin)
    assert bench.ram.read(0, 0x20_0000) == twin.ram.read(0, 0x20_0000)


def test_after_a_reset_the_machine_is_as_new(bench):
    fresh = Machine(machine_spec("pc128"), seed=7)
    fresh.power_on()
    first = work(bench)
    bench.machine.reset()
    assert bench.machine.trace.events == []
    bench.machine.power_on()
    assert bench.ram.read(0, 0x30_0000) == fresh.ram.read(0, 0x30_0000)
    assert (bench.cpu.cr0, bench.cpu.cr3, bench.cpu.sp) == (0x1_0001, 0, 0x9_FB00)
    bench.next_table = 0x20_1000
    assert work(bench) == first


def test_memory_of_another_machine_is_refused():
    with pytest.raises(InputError, match="another machine"):
        Machine(machine_spec("pc4"), ram=ram_for(machine_spec("pc128")))


def test_pse_is_handed_over_where_the_spec_says_so():
    for name, cr4 in (("pc128", 0), ("pc-nasty", 0x10)):
        machine = Machine(machine_spec(name))
        machine.power_on()
        assert machine.cpu.cr4 == cr4
        assert machine.trace.events == []


def test_rewinding_takes_memory_and_control_registers_back(bench):
    bench.machine.trace.stores = True
    bench.record_page_faults(lambda _frame: bench.map(PAGE, 0x40_0000))
    bench.machine.trace.emit("step")
    states = []
    for action in (
        bench.turn_paging_on,
        lambda: bench.cpu.store(PAGE + 4, 4, 5),
        lambda: bench.cpu.store(PAGE + 4, 4, 6),
        lambda: bench.cpu.invlpg(PAGE),
    ):
        number = len(bench.machine.trace.events)
        memory = bench.ram.read(0x20_0000, 0x20_1000), bench.ram.read(0, 0xA_0000)
        states.append((number, memory, bench.cpu.cr0, bench.cpu.cr3))
        action()
        bench.machine.trace.emit("step")
    for number, memory, cr0, cr3 in reversed(states):
        bench.machine.rewind(number)
        assert (bench.ram.read(0x20_0000, 0x20_1000), bench.ram.read(0, 0xA_0000)) == memory
        assert (bench.cpu.cr0, bench.cpu.cr3) == (cr0, cr3)
        assert len(bench.machine.trace.events) == number
    assert not bench.cpu.paging
    bench.cpu.store(PAGE, 4, 1)
    assert bench.ram.load(PAGE, 4) == 1


def test_rewinding_further_than_stores_are_known_is_refused(bench):
    bench.machine.trace.emit("step")
    bench.machine.trace.stores = True
    with pytest.raises(ValueError, match="known from event 1 on"):
        bench.machine.rewind(0)


def test_a_machine_that_nobody_holds_is_freed_without_the_collector():
    gc.disable()
    try:
        machine = Machine(machine_spec("pc4"))
        machine.power_on()
        machine.cpu.store(0x30_0000, 4, 1)
        gone = weakref.ref(machine.ram)
        del machine
        assert gone() is None
    finally:
        gc.enable()


def test_powering_on_takes_well_under_a_millisecond():
    specs = [random_spec(seed) for seed in range(20)]
    times = []
    for spec in specs * 3:
        begin = time.perf_counter()
        Machine(spec).power_on()
        times.append(time.perf_counter() - begin)
    assert sorted(times)[len(times) // 2] < 1e-3


def test_the_poison_depends_on_the_seed():
    reads = []
    for seed in (0, 1):
        machine = Machine(machine_spec("pc4"), seed=seed)
        machine.power_on()
        reads.append(machine.cpu.load(0x30_0000, 8))
    assert reads[0] != reads[1]


def test_event_numbers_count_up(bench):
    work(bench)
    events = bench.machine.trace.events
    assert events[0].number == 0
    assert all(b.number == a.number + 1 for a, b in pairwise(events))
