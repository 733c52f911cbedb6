"""The host of a 64-bit kernel: console, fault path, reservation, and steps that a profile adds."""

import pytest

from kernel_sim import hookimpl
from kernel_sim.boot import boot
from kernel_sim.errors import InputError, MachineStopped, TripleFault
from kernel_sim.host.interrupt_stubs import STUB_BYTES, VECTORS
from kernel_sim.host.reservation import reserved_ranges
from kernel_sim.machine import Machine, random_spec
from kernel_sim.machine.descriptors import INTERRUPT_GATE, decode_gate, decode_segment
from kernel_sim.machine.exceptions import Vector
from kernel_sim.profiles import Profile
from kernel_sim.values import AddrRange

MACHINES = ("boot512", "ovmf256", "numa2")
UNMAPPED = 0xFFFF_A000_0000_0000


class Steps:
    """A boot plugin that remembers what it was asked to do."""

    def __init__(self, act=None):
        self.taken = []
        self.act = act

    @hookimpl
    def boot_step(self, kernel, step):
        self.taken.append(step)
        if self.act is not None:
            self.act(kernel)


def kernel_of(steps=("console", "gdt_tss", "idt"), plugin=None, machine="boot512", **fields):
    roles = {} if plugin is None else {"boot": plugin}
    profile = Profile("sixty-four", machine, steps, roles, {}, **fields)
    return boot(profile, machine)


@pytest.mark.parametrize("machine", MACHINES)
def test_the_console_reaches_the_screen_where_the_firmware_maps_it(machine):
    booted = kernel_of(machine=machine)
    assert booted.ok, booted.oops
    assert booted.machine.vga.lines()[0].rstrip() == f"kernel-sim: booting on {machine}"


def test_the_console_follows_its_screen_to_another_mapping():
    booted = kernel_of()
    elsewhere = booted.machine.boot_info.symbols["bss"]
    booted.kernel.console.move_to(elsewhere)
    booted.kernel.console.print("moved")
    assert booted.machine.cpu.read(elsewhere + 160, 10)[::2] == b"moved"


@pytest.mark.parametrize("machine", MACHINES)
def test_every_vector_has_a_64_bit_gate_to_its_stub(machine):
    booted = kernel_of(machine=machine, interrupt_stacks={8: 1, 14: 2})
    symbols, cpu = booted.machine.boot_info.symbols, booted.machine.cpu
    for vector in range(VECTORS):
        raw = int.from_bytes(cpu.read(symbols["idt"] + 16 * vector, 16), "little")
        gate = decode_gate(raw)
        assert (gate.present, gate.type, gate.selector) == (True, INTERRUPT_GATE, 0x08)
        assert gate.offset == symbols["isr_stubs"] + STUB_BYTES * vector
        assert gate.ist == {8: 1, 14: 2}.get(vector, 0)
    assert (cpu.idtr.base, cpu.idtr.limit) == (symbols["idt"], 16 * VECTORS - 1)


def test_code_data_and_task_are_loaded_and_the_task_has_one_interrupt_stack():
    booted = kernel_of()
    cpu, symbols = booted.machine.cpu, booted.machine.boot_info.symbols
    assert cpu.segments == {"cs": 0x08, "ds": 0x10, "es": 0x10, "ss": 0x10}
    assert (cpu.tr.selector, cpu.tr.base) == (0x18, symbols["tss"])
    assert decode_segment(cpu.load(symbols["gdt"] + 8, 8)).long
    assert cpu.load(symbols["tss"] + 36, 8) == symbols["df_stack_top"]
    assert cpu.load(symbols["tss"] + 4, 8) == symbols["stack_top"] - 0x2000


def test_a_page_fault_that_nobody_answers_stops_the_machine():
    booted = kernel_of()
    with pytest.raises(MachineStopped, match="page fault at 0xffffa00000000000, error code 0x2"):
        booted.machine.cpu.store(UNMAPPED, 8, 1)


def test_an_overflowed_boot_stack_is_reported_on_the_interrupt_stack():
    booted = kernel_of(interrupt_stacks={8: 1})
    cpu, symbols = booted.machine.cpu, booted.machine.boot_info.symbols
    cpu.sp = symbols["stack_bottom"]
    with pytest.raises(MachineStopped, match="double fault"):
        cpu.push(0x5555)
    assert symbols["df_stack"] < cpu.sp < symbols["df_stack_top"]
    vectors = [event.fields["vector"] for event in booted.faults]
    assert vectors == [Vector.PF, Vector.PF, Vector.DF]


def test_without_an_interrupt_stack_the_same_overflow_is_a_triple_fault():
    booted = kernel_of()
    booted.machine.cpu.sp = booted.machine.boot_info.symbols["stack_bottom"]
    with pytest.raises(TripleFault):
        booted.machine.cpu.push(0x5555)


def test_after_a_jump_the_gates_are_made_where_the_image_is_mapped_then():
    def jump(kernel):
        kernel.cpu.symbols["idt"] = kernel.cpu.symbols["bss"]

    booted = kernel_of(("console", "gdt_tss", "idt", "jump", "high_idt"), Steps(jump))
    assert booted.ok, booted.oops
    assert booted.machine.cpu.idtr.base == booted.machine.boot_info.symbols["bss"]
    with pytest.raises(MachineStopped, match="page fault"):
        booted.machine.cpu.load(UNMAPPED, 8)


def test_steps_that_the_host_does_not_know_go_to_the_plugin_of_the_role_boot():
    plugin = Steps()
    booted = kernel_of(("console", "map_lapic_mmio", "setup_apic"), plugin)
    assert booted.ok, booted.oops
    assert plugin.taken == ["map_lapic_mmio", "setup_apic"]


def test_a_profile_may_know_its_steps_in_another_order():
    plugin = Steps()
    profile = Profile(
        "two-orders",
        "boot512",
        ("console", "one", "two"),
        {"boot": plugin},
        {},
        config={"boot_sequence": "documented"},
        sequences={"documented": ("one", "two"), "upstream": ("two", "one")},
    )
    assert boot(profile, config={"boot_sequence": "upstream"}).ok
    assert plugin.taken == ["two", "one"]
    with pytest.raises(InputError, match="'upstraem'; did you mean upstream"):
        boot(profile, config={"boot_sequence": "upstraem"})


def test_before_paging_is_set_up_memory_is_reached_through_the_direct_map():
    booted = kernel_of()
    offset = booted.machine.boot_info.physical_memory_offset
    assert booted.call("phys_to_virt", 0x1234) == offset + 0x1234
    assert kernel_of(machine="ovmf256").call("phys_to_virt", 0x1234) == 0x1234


@pytest.mark.parametrize("firmware", ["bootinfo", "uefi"])
@pytest.mark.parametrize("seed", range(4))
def test_all_that_the_firmware_left_for_the_kernel_is_reserved(firmware, seed):
    machine = Machine(random_spec(seed, firmware))
    info = machine.power_on()
    reserved = reserved_ranges(info)
    offset = info.physical_memory_offset or 0
    used = [
        AddrRange(0, 0x10_0000),
        info.kernel,
        AddrRange(info.stack.start - 0x1000, info.stack.end),
        AddrRange(info.symbols["page_tables"], info.symbols["page_tables_end"]),
        AddrRange(info.handoff - offset, info.table + info.count * info.entry_size - offset),
    ]
    for item in used:
        assert any(r.start <= item.start and item.end <= r.end for r in reserved), item
    assert all(r.end < 1 << 52 for r in reserved)
    assert machine.cpu.cr3 in AddrRange(info.symbols["page_tables"], 1 << 52)


def test_a_machine_that_hands_over_another_way_is_refused_with_the_right_one():
    with pytest.raises(InputError, match=r"take boot512\+uefi"):
        boot(Profile("theseus", "boot512", (), {}, {}))
