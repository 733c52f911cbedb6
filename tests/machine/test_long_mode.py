from dataclasses import replace
from itertools import pairwise

import pytest

from kernel_sim.errors import InputError, TripleFault
from kernel_sim.machine import (
    Machine,
    machine_names,
    machine_spec,
    random_spec,
    with_firmware,
)
from kernel_sim.machine.control_bits import CR0_PE, CR0_PG, CR0_WP, CR4_PAE, EFER_LMA, EFER_NXE
from kernel_sim.machine.firmware.available import available_ranges, frames_within, without
from kernel_sim.machine.firmware.long_mode import KERNEL_VIRTUAL_BASE, high_half_symbols
from kernel_sim.machine.firmware.long_mode_placement import place_long_mode

OFFSETS = (0xFFFF_8000_0000_0000, 0xFFFF_A040_0000_0000, 0x0000_1000_0000_0000)


def powered(spec, seed=3):
    machine = Machine(spec, seed=seed)
    machine.power_on()
    return machine


def leaves(machine):
    """Every leaf of the live tables: page → (frame, entry, size)."""
    ram, found = machine.ram, {}

    def descend(table, level, base):
        for index in range(512):
            entry = ram.load(table + 8 * index, 8)
            if not entry & 1:
                continue
            page = base | index << 12 + 9 * level
            if level == 3 and index >= 256:
                page |= 0xFFFF << 48
            if level == 0 or entry & 0x80:
                found[page] = (entry & 0x000F_FFFF_FFFF_F000, entry, 1 << 12 + 9 * level)
            else:
                descend(entry & 0x000F_FFFF_FFFF_F000, level - 1, page)

    descend(machine.cpu.cr3, 3, 0)
    return found


@pytest.mark.parametrize("name", ["ovmf256", "boot512", "boot512-shuffled", "numa2"])
def test_the_processor_is_handed_over_in_long_mode_with_write_protect_and_no_execute(name):
    cpu = powered(machine_spec(name)).cpu
    assert cpu.cr0 == CR0_PE | CR0_WP | CR0_PG
    assert cpu.cr4 == CR4_PAE
    assert cpu.efer & (EFER_LMA | EFER_NXE) == EFER_LMA | EFER_NXE
    assert (cpu.long, cpu.cpl, cpu.flags & 0x200) == (True, 0, 0)
    cpu.push(0x1122_3344_5566_7788)
    assert cpu.pop() == 0x1122_3344_5566_7788
    assert cpu.fetch(cpu.ip) == 0x90
    cpu.load_segment("cs", 8)


@pytest.mark.parametrize("offset", OFFSETS)
def test_all_memory_is_mapped_at_the_chosen_offset(offset):
    machine = powered(replace(machine_spec("boot512"), physical_memory_offset=offset))
    assert machine.boot_info.physical_memory_offset == offset
    cpu = machine.cpu
    for physical in (0x1000, 0x30_0008, 0x1FFC_FFF8):
        cpu.store(offset + physical, 8, physical * 3)
        assert machine.ram.load(physical, 8) == physical * 3
    direct = {p: leaf for p, leaf in leaves(machine).items() if offset <= p < offset + (4 << 30)}
    assert len(direct) == 2048
    for page, (frame, entry, size) in direct.items():
        physical = page - offset
        assert (frame, size) == (physical, 1 << 21)
        assert entry & ~0x60 == physical | 1 << 63 | 0x83


def test_with_a_high_entry_point_the_lower_half_is_empty():
    machine = powered(machine_spec("boot512"))
    assert all(page >> 47 for page in leaves(machine))
    with pytest.raises(TripleFault):
        machine.cpu.load(0x1000, 8)


def test_the_image_is_mapped_high_with_the_rights_of_its_parts():
    machine = powered(machine_spec("boot512"))
    cpu, symbols, image = machine.cpu, machine.boot_info.symbols, machine.boot_info.kernel
    assert symbols["kernel_main"] == cpu.ip == KERNEL_VIRTUAL_BASE
    cpu.store(symbols["bss"] + 8, 8, 77)
    assert machine.ram.load(image.start + symbols["bss"] - KERNEL_VIRTUAL_BASE + 8, 8) == 77
    rights = leaves(machine)
    for name, expected in (("kernel_main", 1), ("isr_stubs", 3), ("idt", 3 | 1 << 63)):
        frame, entry, size = rights[symbols[name]]
        assert (frame, size) == (image.start + symbols[name] - KERNEL_VIRTUAL_BASE, 4096)
        assert entry & (1 << 63 | 7) == expected
    with pytest.raises(TripleFault):
        cpu.store(symbols["kernel_main"], 1, 0)


def test_static_data_is_zero_and_other_memory_is_poison():
    machine = powered(machine_spec("boot512"))
    symbols = machine.boot_info.symbols
    size = symbols["bss_end"] - symbols["bss"]
    assert machine.cpu.read(symbols["bss"], size) == bytes(size)
    assert machine.ram.load(0x1000_0000, 8) != 0


@pytest.mark.parametrize("name", ["boot512", "ovmf256"])
def test_the_page_below_the_boot_stack_is_not_mapped(name):
    machine = powered(machine_spec(name))
    symbols, cpu = machine.boot_info.symbols, machine.cpu
    cpu.store(symbols["stack_bottom"], 8, 1)
    with pytest.raises(TripleFault) as caught:
        cpu.store(symbols["stack_bottom"] - 8, 8, 1)
    assert caught.value.post_mortem["registers"]["cr2"] == symbols["stack_bottom"] - 8


def test_under_uefi_everything_is_mapped_to_itself():
    machine = powered(machine_spec("ovmf256"))
    info, cpu = machine.boot_info, machine.cpu
    assert info.physical_memory_offset is None
    assert (cpu.ip, cpu.sp) == (info.kernel.start, info.stack.end)
    found = leaves(machine)
    assert all(frame == page for page, (frame, _, _) in found.items())
    assert sum(size for _, _, size in found.values()) == (4 << 30) - 4096


def test_a_low_entry_point_runs_in_an_identity_map_and_finds_nothing_mapped_high():
    machine = powered(replace(machine_spec("boot512"), entry_point="low"))
    cpu, info = machine.cpu, machine.boot_info
    assert cpu.ip == info.symbols["kernel_main"] == info.kernel.start
    assert cpu.sp == info.stack.end
    pages = leaves(machine)
    assert not [page for page in pages if page >= KERNEL_VIRTUAL_BASE]
    assert cpu.load(info.physical_memory_offset + 0x10_0000, 8) == cpu.load(0x10_0000, 8)
    high = high_half_symbols(info)
    assert high["idt"] == KERNEL_VIRTUAL_BASE + info.symbols["idt"] - info.kernel.start
    cpu.ip = high["kernel_main"]
    with pytest.raises(TripleFault):
        cpu.cr3 = info.symbols["page_tables"]


def test_nothing_that_the_firmware_took_overlaps_and_all_of_it_was_available():
    for seed in range(40):
        for firmware in ("uefi", "bootinfo"):
            spec = random_spec(seed, firmware)
            used = place_long_mode(spec).used()
            assert all(a.end <= b.start for a, b in pairwise(used))
            assert without(used, available_ranges(spec)) == []
            assert used[0].start >= 0x10_0000


def test_equal_seeds_give_equal_random_machines_and_all_of_them_start():
    for firmware in ("uefi", "bootinfo"):
        specs = [random_spec(seed, firmware) for seed in range(40)]
        assert specs[7] == random_spec(7, firmware)
        assert len({spec.entries for spec in specs}) == 40
        for spec in specs:
            assert 8 <= len(spec.descriptors or spec.entries) <= 20
            assert powered(spec).trace.events == []


def test_real_maps_start_in_long_mode_where_they_have_room():
    reasons = {}
    for name in machine_names():
        if name.startswith("map-"):
            for firmware in ("uefi", "bootinfo"):
                spec = machine_spec(name, firmware)
                profile = "theseus" if firmware == "uefi" else "cyrius"
                reasons[name, firmware] = spec.bootable(profile)
    refused = {name for (name, _), reason in reasons.items() if reason}
    assert refused == {"map-52", "map-53", "map-71", "map-76"}
    for name, firmware in list(reasons)[::9]:
        if reasons[name, firmware] is None:
            machine = powered(machine_spec(name, firmware))
            assert machine.cpu.fetch(machine.cpu.ip) == 0x90


def test_a_converted_map_keeps_exactly_the_available_frames():
    named = [machine_spec(name) for name in ("pc128", "pc-nasty", "map-01", "map-37", "boot512")]
    for spec in (*named, *map(random_spec, range(60))):
        expected = frames_within(available_ranges(spec), 0, 1 << 52)
        for firmware in ("uefi", "bootinfo"):
            other = with_firmware(spec, firmware)
            assert frames_within(available_ranges(other), 0, 1 << 52) == expected, other.name


def test_each_kernel_starts_from_its_own_kind_of_firmware():
    assert machine_spec("pc128").bootable() is None
    assert "e820" in machine_spec("boot512").bootable()
    assert machine_spec("boot512").bootable("bulldog") is None
    assert machine_spec("boot512").bootable("theseus").endswith("take boot512+uefi")
    assert machine_spec("boot512+uefi").bootable("theseus") is None
    with pytest.raises(InputError, match="expected theseus"):
        machine_spec("pc128").bootable("thesus")


@pytest.mark.parametrize("offset", [0, 1 << 30, 0xFFFF_8000_0020_0000, 0xFFFF_FF80_0000_0000, -1])
def test_an_offset_where_nothing_can_be_mapped_is_refused(offset):
    with pytest.raises(InputError, match="physical_memory_offset"):
        replace(machine_spec("boot512"), physical_memory_offset=offset)


def test_memory_that_reaches_into_the_kernel_from_the_direct_map_is_refused():
    spec = replace(machine_spec("boot512"), physical_memory_offset=0xFFFF_FF7F_C000_0000)
    assert "direct map" in spec.bootable("bulldog")
    with pytest.raises(InputError, match="direct map"):
        Machine(spec).power_on()


def test_a_map_has_no_other_firmware_to_be_converted_to():
    with pytest.raises(InputError, match="uefi or bootinfo"):
        machine_spec("boot512", "e820")
