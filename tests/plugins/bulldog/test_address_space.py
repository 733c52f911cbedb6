"""BD-1 to BD-7: kernel space, the direct map, and an offset page table that adds 4 KiB pages."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_sim.boot import boot
from kernel_sim.errors import MachineStopped, MapError, NotMapped, NotSupported, UnmapError
from kernel_sim.inspection import AddressSpace, diff, sweep
from kernel_sim.machine import Machine, machine_spec, random_spec
from kernel_sim.page_table import PageTableFlags
from kernel_sim_bulldog import page_tables, paging

KERNEL_SPACE = 0xFFFF_8000_0000_0000
RIGHTS = PageTableFlags.PRESENT | PageTableFlags.WRITABLE
USER = PageTableFlags.USER_ACCESSIBLE
FREE_PAGE = 0xFFFF_A123_4567_8000
FRAME = 0x1000
OFFSETS = (0xFFFF_8000_0000_0000, 0xFFFF_A000_0000_0000, 0xFFFF_FE80_0000_0000)
SPECS = [
    machine_spec("boot512"),
    machine_spec("boot512-shuffled"),
    machine_spec("numa2"),
    *(random_spec(seed, firmware="bootinfo") for seed in (3, 4)),
]


def made_by_the_kernel(booted):
    """What the boot added to the address space that the boot loader handed over."""
    fresh = Machine(booted.machine.spec)
    fresh.power_on()
    return diff(sweep(AddressSpace.of(fresh)), sweep(AddressSpace.of(booted.machine)))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_bd_1_every_mapping_lies_in_kernel_space_and_none_is_for_users(spec):
    booted = boot("bulldog", spec)
    assert booted.ok, booted.oops
    ranges = sweep(AddressSpace.of(booted.machine))
    assert ranges
    assert all(item.start >= KERNEL_SPACE for item in ranges)
    assert not any(item.flags & USER for item in ranges)


def test_bd_1_image_heap_stacks_lapic_and_direct_map_are_all_mapped_there():
    booted = boot("bulldog")
    symbols, offset = booted.machine.boot_info.symbols, OFFSETS[0]
    places = {
        symbols["kernel_main"]: booted.machine.boot_info.kernel.start,
        symbols["stack_bottom"]: booted.machine.boot_info.stack.start,
        offset + 0x1234_5000: 0x1234_5000,
        0xFFFF_FF00_0000_0000: 0xFEE0_0000,
    }
    for address, physical in places.items():
        assert booted.call("translate", booted.kernel.root, address).physical == physical
    booted.call("translate", booted.kernel.root, booted.kernel.config.heap_start)


@pytest.mark.parametrize("page", [0x4444_4444_0000, 0x1000, 0x7FFF_FFFF_F000])
def test_bd_1_no_page_is_mapped_below_kernel_space(page):
    booted = boot("bulldog")
    with pytest.raises(NotSupported, match="Lab E11"):
        booted.call("map_page", booted.kernel.root, page, 0x200_0000, RIGHTS)


@pytest.mark.parametrize("offset", OFFSETS, ids=hex)
def test_bd_2_the_direct_map_may_lie_anywhere_in_the_higher_half(offset):
    spec = replace(machine_spec("boot512"), physical_memory_offset=offset)
    booted = boot("bulldog", spec)
    assert booted.ok, booted.oops
    assert len(booted.selftests) == 5
    assert all(result.passed for result in booted.selftests)
    assert booted.call("phys_to_virt", 0x1234) == offset + 0x1234


def test_bd_2_a_kernel_that_hard_codes_the_offset_does_not_boot_elsewhere():
    hard_coded = SimpleNamespace(**vars(paging))

    def phys_to_virt(kernel, physical):  # noqa: ARG001 - the hook's signature
        return OFFSETS[0] + physical

    hard_coded.phys_to_virt = paging.hookimpl(phys_to_virt)
    roles = {"paging": hard_coded}
    spec = replace(machine_spec("boot512"), physical_memory_offset=OFFSETS[1])
    assert boot("bulldog", machine_spec("boot512"), roles).ok
    assert not boot("bulldog", spec, roles).ok


def test_bd_2_page_tables_are_written_through_the_direct_map():
    booted = boot("bulldog", stores=True, until="map_lapic_mmio")
    frame = booted.first_frames[0]
    stores = [store.physical for store in booted.machine.trace.store_log]
    assert any(frame <= physical < frame + FRAME for physical in stores)


def test_bd_3_the_active_level_4_table_is_cr3_without_flags_plus_the_offset():
    booted = boot("bulldog", until="init_offset_page_table")
    cpu, offset = booted.machine.cpu, booted.machine.boot_info.physical_memory_offset
    root = cpu.cr3
    assert not root & 0xFFF
    assert paging.active_level_4_table(booted.kernel) == root + offset
    cpu.cr3 = root | 0x18
    assert paging.active_level_4_table(booted.kernel) == root + offset


def test_bd_4_the_mapper_takes_over_the_boot_loaders_tables_as_they_are():
    booted = boot("bulldog", until="init_offset_page_table")
    info = booted.machine.boot_info
    assert booted.ok, booted.oops
    assert booted.call("init_paging", []) == booted.machine.cpu.cr3
    assert info.symbols["page_tables"] <= booted.machine.cpu.cr3 < info.symbols["page_tables_end"]
    assert made_by_the_kernel(booted) == []
    assert not any(e.fields.get("register") == "cr3" for e in booted.machine.trace.events)


def test_bd_4_without_a_direct_map_there_is_no_mapper():
    booted = boot("bulldog", until="memmap")
    info = replace(booted.kernel.boot_info, physical_memory_offset=None)
    with pytest.raises(MapError, match="no direct map"):
        paging.init_offset_page_table(SimpleNamespace(boot_info=info))


@given(page=st.integers(0, (1 << 47) - 1), offset=st.integers(0, 0xFFF))
@settings(max_examples=60, deadline=None)
def test_bd_5_tables_of_four_levels_are_walked_as_the_processor_walks_them(page, offset):
    booted = boot("bulldog")
    address = KERNEL_SPACE + (page & ~0xFFF)
    try:
        expected = booted.call("translate", booted.kernel.root, address).physical
    except NotMapped:
        booted.call("map_page", booted.kernel.root, address, 0x1234_5000, RIGHTS)
        expected = 0x1234_5000
    found = booted.call("translate", booted.kernel.root, address + offset)
    assert found.physical == expected + offset
    path = booted.machine.cpu.mmu.walk_path(address)
    leaf = path[-1].entry
    assert (leaf & 0x000F_FFFF_FFFF_F000) + (address & found.size - 1) == expected
    assert len(path) == {4096: 4, 2 << 20: 3}[found.size]


def test_bd_5_rights_are_those_of_all_levels():
    booted = boot("bulldog")
    root = booted.kernel.root
    booted.call("map_page", root, FREE_PAGE, 0x200_0000, RIGHTS)
    assert booted.call("translate", root, FREE_PAGE).flags & PageTableFlags.WRITABLE
    level_4 = page_tables.entry_of(booted.kernel, root, 4, FREE_PAGE)
    booted.machine.cpu.store(level_4.address, 8, level_4.value & ~2 | 1 << 63)
    flags = booted.call("translate", root, FREE_PAGE).flags
    assert not flags & PageTableFlags.WRITABLE
    assert flags & PageTableFlags.NO_EXECUTE


def test_bd_6_map_page_maps_exactly_one_page_of_4_kib():
    booted = boot("bulldog")
    before = sweep(AddressSpace.of(booted.machine))
    booted.call("map_page", booted.kernel.root, FREE_PAGE, 0x234_5000, RIGHTS)
    (change,) = diff(before, sweep(AddressSpace.of(booted.machine)))
    assert (change.start, change.end) == (FREE_PAGE, FREE_PAGE + FRAME)
    assert (change.after.physical, change.after.size) == (0x234_5000, FRAME)
    booted.machine.cpu.store(FREE_PAGE + 8, 8, 0x55AA)
    assert booted.machine.ram.load(0x234_5008, 8) == 0x55AA


@pytest.mark.parametrize(
    ("page", "frame", "reason"),
    [
        (FREE_PAGE + 1, 0x200_0000, "MISALIGNED_FRAME"),
        (FREE_PAGE, 0x200_0001, "MISALIGNED_FRAME"),
        (0x8000_0000_0000, 0x200_0000, "NON_CANONICAL"),
        (FREE_PAGE, 1 << 52, "NON_CANONICAL"),
        (0xFFFF_FFFF_8000_0000, 0x200_0000, "ALREADY_MAPPED"),
        (KERNEL_SPACE + 0x1000, 0x200_0000, "ALREADY_MAPPED"),
    ],
)
def test_bd_6_a_page_that_cannot_be_mapped_is_refused_and_nothing_changes(page, frame, reason):
    booted = boot("bulldog")
    before = sweep(AddressSpace.of(booted.machine))
    with pytest.raises(MapError) as caught:
        booted.call("map_page", booted.kernel.root, page, frame, RIGHTS)
    assert caught.value.reason == reason
    assert sweep(AddressSpace.of(booted.machine)) == before


def test_bd_6_unmapping_gives_the_frame_and_makes_the_page_fault_again():
    booted = boot("bulldog")
    root, cpu = booted.kernel.root, booted.machine.cpu
    booted.call("map_page", root, FREE_PAGE, 0x234_5000, RIGHTS)
    cpu.load(FREE_PAGE, 8)
    assert booted.call("unmap_page", root, FREE_PAGE) == 0x234_5000
    with pytest.raises(NotMapped):
        booted.call("translate", root, FREE_PAGE)
    with pytest.raises(MachineStopped, match="page fault"):
        cpu.load(FREE_PAGE, 8)


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (FREE_PAGE, "NOT_MAPPED"),
        (0x8000_0000_0000, "NOT_MAPPED"),
        (0xFFFF_FFFF_8000_0008, "NOT_MAPPED"),
        (KERNEL_SPACE, "HUGE_PAGE"),
    ],
)
def test_bd_6_what_is_no_mapped_4_kib_page_cannot_be_unmapped(page, reason):
    booted = boot("bulldog")
    with pytest.raises(UnmapError) as caught:
        booted.call("unmap_page", booted.kernel.root, page)
    assert caught.value.reason == reason


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_bd_7_the_kernel_makes_no_large_pages(spec):
    made = made_by_the_kernel(boot("bulldog", spec))
    assert made
    assert all(change.before is None and change.after.size == FRAME for change in made)


def test_bd_7_asking_for_a_large_page_names_the_lab_that_adds_them():
    booted = boot("bulldog")
    huge = RIGHTS | PageTableFlags.HUGE_PAGE
    with pytest.raises(NotSupported, match=r"large pages.*Lab E3"):
        booted.call("map_page", booted.kernel.root, FREE_PAGE, 0x200_0000, huge)
