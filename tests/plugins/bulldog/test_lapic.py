"""BD-8 to BD-11: the local APIC's page, and that it is mapped before anything uses it."""

from dataclasses import replace

import pytest

from kernel_sim.boot import boot
from kernel_sim.errors import KernelError, MachineStopped, NotMapped
from kernel_sim.machine.devices.lapic import EOI, ID, INITIAL, LAPIC, LVT_TIMER, VERSION
from kernel_sim.profiles import profile
from kernel_sim_bulldog.apic import read_register

BASE = 0xFFFF_FF00_0000_0000
PERIOD = 500_000 * 16
ACCESSED_AND_DIRTY = 0x60


def lapic_accesses(booted):
    """Number, kind and register of every access to the local APIC."""
    return [
        (event.number, event.fields["access"], event.fields["physical"] - LAPIC.start)
        for event in booted.machine.trace.events
        if event.kind == "mmio" and event.fields.get("physical", 0) in LAPIC
    ]


def without(*steps):
    """Bulldog with some of its steps left out."""
    whole = profile("bulldog")
    return replace(
        whole,
        sequences={"documented": tuple(step for step in whole.steps if step not in steps)},
    )


def test_bd_8_one_page_leads_to_the_registers_with_exactly_the_documented_flags():
    booted = boot("bulldog", until="map_lapic_mmio")
    path = booted.machine.cpu.mmu.walk_path(BASE)
    assert [BASE >> shift & 0x1FF for shift in (39, 30, 21, 12)] == [510, 0, 0, 0]
    assert len(path) == 4
    assert path[-1].entry & ~ACCESSED_AND_DIRTY == 1 << 63 | 0xFEE0_0000 | 0b11
    for neighbour in (BASE - 0x1000, BASE + 0x1000):
        with pytest.raises(NotMapped):
            booted.call("translate", booted.kernel.root, neighbour)


def test_bd_9_id_version_and_timer_are_reached_through_that_page_alone():
    booted = boot("bulldog")
    touched = {register for _, _, register in lapic_accesses(booted)}
    assert {ID, VERSION, LVT_TIMER, INITIAL} <= touched
    (warning,) = [event for event in booted.machine.trace.events if event.kind == "warning"]
    assert warning.fields["address"] & ~0xFFF == BASE
    booted.call("unmap_page", booted.kernel.root, BASE)
    with pytest.raises(MachineStopped, match="page fault"):
        read_register(booted.kernel, VERSION)


def test_bd_9_each_tick_is_acknowledged_through_that_page():
    booted = boot("bulldog")
    before = len(lapic_accesses(booted))
    booted.machine.tick(3 * PERIOD)
    accesses = lapic_accesses(booted)[before:]
    assert [access[1:] for access in accesses] == [("store", EOI)] * 3


def test_bd_9_a_mapping_that_goes_away_stops_the_first_tick():
    booted = boot("bulldog")
    booted.call("unmap_page", booted.kernel.root, BASE)
    with pytest.raises(MachineStopped, match=f"page fault at {BASE + EOI:#x}"):
        booted.machine.tick(PERIOD)


@pytest.mark.parametrize("sequence", ["documented", "upstream"])
def test_bd_10_the_page_is_mapped_before_the_apic_is_set_up(sequence):
    booted = boot("bulldog", config={"boot_sequence": sequence})
    events = booted.machine.trace.events
    (mapped,) = [
        event.number
        for event in events
        if event.fields.get("hook") == "map_page" and event.fields["arguments"]["page"] == BASE
    ]
    assert mapped < lapic_accesses(booted)[0][0]


def test_bd_10_without_the_page_setting_up_the_apic_is_a_page_fault():
    booted = boot(without("map_lapic_mmio"))
    assert not booted.ok
    assert (booted.oops.hook, booted.oops.kind) == ("boot_step", "stopped")
    assert f"page fault at {BASE + ID:#x}" in booted.oops.message
    assert booted.steps[-1].name == "setup_apic"


def test_bd_11_the_timer_is_enabled_only_when_the_page_is_there():
    booted = boot(without("map_lapic_mmio"))
    assert lapic_accesses(booted) == []
    booted.machine.tick(2 * PERIOD)
    assert not any(event.kind == "interrupt" for event in booted.machine.trace.events)


def test_bd_11_ticks_come_once_the_timer_and_interrupts_are_on():
    booted = boot("bulldog")
    booted.machine.tick(5 * PERIOD)
    vectors = [e.fields["vector"] for e in booted.machine.trace.events if e.kind == "interrupt"]
    assert vectors == [0x31] * 5
    assert booted.machine.cpu.ip == booted.machine.boot_info.symbols["kernel_main"]


def test_bd_11_no_tick_comes_before_interrupts_are_let_in():
    booted = boot("bulldog", until="init_heap")
    booted.machine.tick(2 * PERIOD)
    assert not any(event.kind == "interrupt" for event in booted.machine.trace.events)
    booted.call("boot_step", "enable_interrupts")
    assert any(event.kind == "interrupt" for event in booted.machine.trace.events)


def test_bd_u4_the_registers_hold_what_the_kernel_writes():
    booted = boot("bulldog")
    wanted = {0xF0: 0x1FF, 0x3E0: 0b0011, 0x320: 0x2_0031, 0x380: 500_000}
    assert {register: read_register(booted.kernel, register) for register in wanted} == wanted


def test_bd_u4_an_apic_that_the_firmware_disabled_is_a_panic():
    booted = boot("bulldog", until="idt")
    cpu = booted.machine.cpu
    cpu.wrmsr(0x1B, cpu.rdmsr(0x1B) & ~(1 << 11))
    with pytest.raises(KernelError, match="bit 11 of MSR 0x1b"):
        booted.call("boot_step", "setup_apic")
    assert lapic_accesses(booted) == []


def test_bd_u5_a_spurious_interrupt_is_not_acknowledged():
    booted = boot("bulldog")
    before = len(lapic_accesses(booted))
    booted.machine.cpu._take(0xFF)
    assert len(lapic_accesses(booted)) == before
    assert booted.machine.trace.events[-1].fields["event"] == "spurious_interrupt"
