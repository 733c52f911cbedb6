"""BD-25 to BD-29: GDT, TSS and two interrupt stacks without guard pages."""

from dataclasses import replace

import pytest

from kernel_sim.boot import boot
from kernel_sim.errors import MachineStopped, TripleFault
from kernel_sim.host.oops import KernelOops
from kernel_sim.inspection import AddressSpace, sweep
from kernel_sim.machine.descriptors import TSS_BUSY, decode_gate, decode_segment
from kernel_sim.machine.exceptions import Vector
from kernel_sim.profiles import profile
from kernel_sim.profiles.bulldog import INTERRUPT_STACK_INDEX
from kernel_sim.values import GuardKind, GuardRequest
from kernel_sim_bulldog.layout import static

TIMER = 0x31
PERIOD = 500_000 * 16
UNMAPPED = 0xFFFF_A000_0000_0000


def gate(booted, vector):
    cpu = booted.machine.cpu
    return decode_gate(int.from_bytes(cpu.read(cpu.idtr.base + 16 * vector, 16), "little"))


def ist(booted, number):
    """The stack pointer IST ``number`` in the task state, by the processor's numbers."""
    cpu = booted.machine.cpu
    return cpu.load(cpu.tr.base + 28 + 8 * number, 8)


def overflowing(booted):
    """Leave the boot stack with no room, so that the next push faults."""
    booted.machine.cpu.sp = booted.machine.boot_info.symbols["stack_bottom"]
    return booted.machine.cpu


def test_bd_25_two_stacks_serve_double_fault_and_timer_with_page_fault():
    booted = boot("bulldog")
    assert INTERRUPT_STACK_INDEX == {8: 0, 14: 1, TIMER: 1}
    assert ist(booted, 1) == static(booted.kernel, "STACK").end
    assert ist(booted, 2) == static(booted.kernel, "LAPIC_STACK").end
    assert [ist(booted, number) for number in range(3, 8)] == [0] * 5
    numbers = {vector: gate(booted, vector).ist for vector in range(256)}
    assert {vector: n for vector, n in numbers.items() if n} == {8: 1, 14: 2, TIMER: 2}


def test_bd_25_an_overflowed_boot_stack_is_reported_on_the_page_fault_stack():
    booted = boot("bulldog")
    with pytest.raises(MachineStopped, match="page fault"):
        overflowing(booted).push(1)
    assert booted.machine.cpu.sp in static(booted.kernel, "LAPIC_STACK")


def test_bd_25_a_double_fault_is_reported_on_a_stack_of_its_own():
    booted = boot("bulldog")
    cpu = booted.machine.cpu
    cpu.store(cpu.tr.base + 28 + 8 * 2, 8, UNMAPPED + 0x1000)
    with pytest.raises(MachineStopped, match="double fault"):
        cpu.load(UNMAPPED, 8)
    assert cpu.sp in static(booted.kernel, "STACK")


@pytest.mark.parametrize("name", ["STACK", "LAPIC_STACK"])
def test_bd_26_each_is_128_kib_aligned_mapped_static_and_in_the_higher_half(name):
    booted = boot("bulldog")
    stack, image = static(booted.kernel, name), booted.machine.boot_info.kernel
    assert stack.length == 128 * 1024
    assert stack.end % 16 == stack.start % 16 == 0
    assert stack.start >= 0xFFFF_8000_0000_0000
    for page in range(stack.start, stack.end, 0x1000):
        found = booted.call("translate", booted.kernel.root, page)
        assert found.physical in image
        assert found.flags & 2


def test_bd_26_the_stacks_do_not_move_while_they_are_used():
    booted = boot("bulldog", until="gdt_init")
    before = [(ist(booted, n), booted.machine.cpu.tr.base) for n in (1, 2)]
    booted = boot("bulldog")
    booted.machine.tick(3 * PERIOD)
    assert [(ist(booted, n), booted.machine.cpu.tr.base) for n in (1, 2)] == before


@pytest.mark.parametrize(
    ("overflowed", "neighbour"), [("STACK", "FRAME_BITMAP"), ("LAPIC_STACK", "STACK")]
)
def test_bd_27_what_overflows_a_stack_corrupts_its_neighbour_and_nothing_faults(
    overflowed, neighbour
):
    booted = boot("bulldog")
    cpu, below = booted.machine.cpu, static(booted.kernel, neighbour)
    cpu.sp = static(booted.kernel, overflowed).start
    assert cpu.sp == below.end
    cpu.store(below.end - 8, 8, 0)
    cpu.push(0xBAD)
    assert cpu.load(below.end - 8, 8) == 0xBAD
    assert booted.faults == []


def test_bd_27_the_role_guard_is_empty():
    booted = boot("bulldog")
    assert "guard" not in booted.roles
    with pytest.raises(KernelOops, match="no plugin implements install_guard"):
        booted.call("install_guard", GuardRequest(GuardKind.STACK, 0x1000, "stack"))


def test_bd_27_the_statics_are_mapped_without_a_gap():
    booted = boot("bulldog")
    ranges = sweep(AddressSpace.of(booted.machine))
    first, last = (static(booted.kernel, name) for name in ("FRAME_BITMAP", "PRE_HEAP_FRAMES"))
    assert any(item.start <= first.start and last.end <= item.end for item in ranges)


def test_bd_28_the_gdt_holds_code_data_and_task_and_no_user_segment():
    booted = boot("bulldog")
    cpu, symbols = booted.machine.cpu, booted.machine.boot_info.symbols
    assert (cpu.gdtr.base, cpu.gdtr.limit) == (symbols["gdt"], 5 * 8 - 1)
    assert cpu.load(symbols["gdt"], 8) == 0
    code, data = (decode_segment(cpu.load(symbols["gdt"] + at, 8)) for at in (8, 16))
    task = decode_segment(int.from_bytes(cpu.read(symbols["gdt"] + 24, 16), "little"))
    assert (code.code, code.long, code.dpl, code.present) == (True, True, 0, True)
    assert (data.code, data.system, data.dpl, data.present) == (False, False, 0, True)
    assert (task.system, task.type, task.base) == (True, TSS_BUSY, symbols["tss"])
    assert task.limit == 103


def test_bd_29_gdt_then_segment_registers_then_task_register():
    booted = boot("bulldog", until="gdt_init")
    loaded = [
        event.fields["register"]
        for event in booted.machine.trace.events
        if event.kind == "control" and event.fields["operation"] in {"lgdt", "segment", "ltr"}
    ]
    assert loaded == ["gdtr", "cs", "ds", "es", "ss", "tr"]
    assert booted.machine.cpu.tr.selector == 0x18


def test_c12_a_gate_that_holds_bulldogs_own_number_gives_the_double_fault_no_stack():
    numbered_from_0 = replace(profile("bulldog"), interrupt_stacks=INTERRUPT_STACK_INDEX)
    booted = boot(numbered_from_0)
    assert gate(booted, Vector.DF).ist == 0
    booted.machine.cpu.store(booted.machine.cpu.tr.base + 36, 8, UNMAPPED + 0x1000)
    with pytest.raises(TripleFault):
        overflowing(booted).push(1)


def test_bd_u5_the_page_fault_handler_shows_address_code_and_frame_and_panics():
    booted = boot("bulldog")
    with pytest.raises(MachineStopped, match="PANIC"):
        booted.machine.cpu.store(UNMAPPED + 8, 8, 1)
    first, second = booted.transcript[-2:]
    assert first == f"EXCEPTION: PAGE FAULT at {UNMAPPED + 8:#x}, error code 0x2"
    assert f"ip {booted.machine.boot_info.symbols['kernel_main']:#x}" in second


def test_bd_u5_a_fault_in_the_timers_handler_overwrites_the_timers_frame():
    booted = boot("bulldog")
    cpu, seen = booted.machine.cpu, []
    stub = booted.machine.boot_info.symbols["isr_stubs"] + 16 * TIMER

    def faulting(frame):
        seen.append((frame.pushed_at, cpu.load(frame.pushed_at, 8)))
        cpu.load(UNMAPPED, 8)

    cpu.register_handler(stub, faulting)
    with pytest.raises(MachineStopped, match="page fault"):
        booted.machine.tick(PERIOD)
    pushed_at, ip = seen[0]
    assert ip == booted.machine.boot_info.symbols["kernel_main"]
    assert cpu.load(pushed_at, 8) == stub
