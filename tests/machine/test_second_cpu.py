import gc
import weakref
from dataclasses import replace

import pytest

from kernel_sim.errors import InputError, TripleFault
from kernel_sim.machine import Machine, machine_spec
from kernel_sim.machine.control_bits import CR0_PG, MSR_APIC_BASE
from kernel_sim.machine.devices.lapic import EOI, ID, INITIAL, LVT_TIMER, SVR
from kernel_sim.values import AddrRange

TIMER = 0x40


@pytest.fixture
def pair(make_long_bench):
    return make_long_bench("boot512", cpu_count=2)


def test_both_start_in_the_same_address_space_on_stacks_of_their_own(pair):
    first, second = pair.machine.cpus
    assert first is pair.cpu
    assert (second.cr0, second.cr3, second.efer) == (first.cr0, first.cr3, first.efer)
    assert second.sp == pair.symbols["stack_top_1"] != first.sp
    second.push(7)
    first.push(8)
    assert (second.pop(), first.pop()) == (7, 8)


def test_both_see_one_memory(pair):
    first, second = pair.machine.cpus
    at = pair.symbols["bss"]
    first.store(at, 8, 1)
    assert second.load(at, 8) == 1
    second.store(at, 8, 2)
    assert first.load(at, 8) == 2


def test_invlpg_on_one_leaves_the_others_translation(pair):
    first, second = pair.machine.cpus
    page = pair.symbols["bss"] + 0x4_0000
    for cpu in (first, second):
        cpu.load(page, 8)
    entry = pair.entry(page)
    first.store(entry, 8, 0)
    first.invlpg(page)
    assert second.load(page, 8) == 0
    with pytest.raises(TripleFault):
        first.load(page, 8)
    second.invlpg(page)
    with pytest.raises(TripleFault):
        second.load(page, 8)


def test_events_of_the_second_name_it(pair):
    first, second = pair.machine.cpus
    first.invlpg(0x1000)
    second.invlpg(0x2000)
    one, two = pair.machine.trace.events[-2:]
    assert "cpu" not in one.fields
    assert (two.fields["cpu"], two.fields["address"]) == (1, 0x2000)


def test_each_has_its_own_apic_at_the_same_address(pair):
    first, second = pair.machine.cpus
    assert [cpu.load(pair.apic + ID, 4) >> 24 for cpu in (first, second)] == [0, 1]
    assert [cpu.rdmsr(MSR_APIC_BASE) >> 8 & 1 for cpu in (first, second)] == [1, 0]
    second.lidt(pair.symbols["idt"], 4095)
    seen = []

    def handler(_frame):
        seen.append(1)
        second.store(pair.apic + EOI, 4, 0)

    pair.install(TIMER, handler, cpu=second)
    second.store(pair.apic + SVR, 4, 0x1FF)
    second.store(pair.apic + LVT_TIMER, 4, TIMER)
    second.store(pair.apic + INITIAL, 4, 100)
    for cpu in (first, second):
        cpu.sti()
    pair.machine.tick(1000)
    assert seen == [1]


def test_ports_are_shared(pair):
    first, second = pair.machine.cpus
    second.outb(0x21, 0xFF)
    assert first.inb(0x21) == 0xFF


def test_a_device_answers_both_and_none_has_its_place_twice(pair):
    class Seven:
        def load(self, offset, size_bytes):
            return 7 + offset * size_bytes

    place = AddrRange(0xFD00_0000, 0xFD00_1000)
    pair.machine.attach(place, Seven())
    assert [cpu.load(pair.offset + place.start, 4) for cpu in pair.machine.cpus] == [7, 7]
    for other in (place, AddrRange(0xFEE0_0000, 0xFEE0_2000)):
        with pytest.raises(InputError, match="two devices in one place"):
            pair.machine.attach(other, Seven())
    for odd in (AddrRange(0x10, 0x1000), AddrRange(0, 0), AddrRange(0, 1 << 40)):
        with pytest.raises(InputError, match="no place for a device"):
            pair.machine.attach(odd, Seven())


def test_rewinding_takes_both_back(pair):
    machine = pair.machine
    machine.trace.stores = True
    machine.trace.emit("step")
    number = len(machine.trace.events)
    first, second = machine.cpus
    root, at = second.cr3, pair.symbols["bss"]
    old = first.load(at, 8)
    second.store(at, 8, 55)
    second.cr3 = root | 8
    first.cr4 |= 0x80
    machine.rewind(number)
    assert (second.cr3, first.cr3, first.cr4) == (root, root, 0x20)
    assert first.load(at, 8) == old


def test_protected_mode_machines_may_have_two_as_well(bench):
    machine = Machine(replace(machine_spec("pc128"), cpu_count=2), seed=7)
    machine.power_on()
    first, second = machine.cpus
    assert (first.sp, second.sp) == (0x9_FB00, 0x2_0000)
    assert not second.cr0 & CR0_PG
    second.store(0x30_0000, 4, 5)
    assert first.load(0x30_0000, 4) == 5
    assert bench.ram.read(0, 0xA_0000) == machine.ram.read(0, 0xA_0000)


@pytest.mark.parametrize("count", [0, 5, True, "2"])
def test_a_machine_has_one_to_four_processors(count):
    with pytest.raises(InputError, match="cpu_count"):
        replace(machine_spec("boot512"), cpu_count=count)


def test_memory_that_grows_is_followed_by_both(monkeypatch):
    monkeypatch.setattr("kernel_sim.machine.ram.sys.platform", "emscripten")
    machine = Machine(replace(machine_spec("pc128"), cpu_count=2))
    machine.power_on()
    first, second = machine.cpus
    second.store(0x30_0000, 4, 5)
    for page in range(0x40_0000, 0x60_0000, 0x1000):
        first.store(page, 4, 1)
    second.store(0x30_0000, 4, 6)
    assert (first.load(0x30_0000, 4), second.load(0x30_0000, 4)) == (6, 6)


def test_two_processors_are_freed_without_the_collector():
    gc.disable()
    try:
        machine = Machine(replace(machine_spec("boot512"), cpu_count=2))
        machine.power_on()
        machine.cpus[1].push(1)
        gone = weakref.ref(machine.ram)
        del machine
        assert gone() is None
    finally:
        gc.enable()
