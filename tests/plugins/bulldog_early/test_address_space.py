"""BO-1 to BO-9: the higher half, the jump into it, the direct map, global pages, and users."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from kernel_sim.boot import boot
from kernel_sim.errors import MachineStopped, MapError, NotMapped, NotSupported
from kernel_sim.inspection import AddressSpace, sweep, table_frames
from kernel_sim.machine import machine_spec, random_spec
from kernel_sim.page_table import PageTableFlags
from kernel_sim_bulldog_early import paging
from kernel_sim_bulldog_early.layout import phys_addr

KERNEL_SPACE = 0xFFFF_8000_0000_0000
IMAGE = 0xFFFF_FFFF_8000_0000
RIGHTS = PageTableFlags.PRESENT | PageTableFlags.WRITABLE
USER = PageTableFlags.USER_ACCESSIBLE
FREE_PAGE = 0xFFFF_A123_4567_8000
OFFSETS = (0xFFFF_8000_0000_0000, 0xFFFF_A000_0000_0000, 0xFFFF_FE80_0000_0000)
SPECS = [
    machine_spec("boot512"),
    machine_spec("boot512-shuffled"),
    machine_spec("numa2"),
    *(random_spec(seed, firmware="bootinfo") for seed in (3, 4)),
    *(replace(machine_spec("boot512"), physical_memory_offset=offset) for offset in OFFSETS[1:]),
]


def ranges(booted):
    return sweep(AddressSpace.of(booted.machine))


@pytest.mark.parametrize("large_pages", [False, True])
@pytest.mark.parametrize("spec", SPECS, ids=range(len(SPECS)))
def test_bo_1_everything_is_mapped_in_the_higher_half_and_for_the_kernel(spec, large_pages):
    booted = boot("bulldog-early", spec, config={"large_pages": large_pages})
    assert booted.ok, booted.oops
    assert len(booted.selftests) == 6
    assert [result for result in booted.selftests if not result.passed] == []
    found = ranges(booted)
    assert found
    assert all(item.start >= KERNEL_SPACE for item in found)
    assert not any(item.flags & USER for item in found)


@pytest.mark.parametrize("page", [0x1000, 0x4444_4444_0000, 0x7FFF_FFFF_F000])
def test_bo_1_the_lower_half_is_kept_for_users(page):
    booted = boot("bulldog-early")
    with pytest.raises(NotSupported, match="Lab E11"):
        booted.call("map_page", booted.kernel.root, page, 0x200_0000, RIGHTS)


def test_bo_2_low_memory_is_mapped_to_itself_until_the_jump():
    early = boot("bulldog-early", until="paging")
    image = early.machine.boot_info.kernel.start
    assert early.call("translate", early.kernel.root, image).physical == image
    late = boot("bulldog-early", until="drop_identity_map")
    with pytest.raises(NotMapped):
        late.call("translate", late.kernel.root, image)
    with pytest.raises(MachineStopped):
        late.machine.cpu.load(image, 8)


def test_bo_3_identity_map_then_higher_half_mapping_then_jump():
    booted = boot("bulldog-early", until="memmap")
    cpu, info = booted.machine.cpu, booted.machine.boot_info
    assert cpu.ip == info.kernel.start < KERNEL_SPACE
    with pytest.raises(NotMapped):
        paging.translate(booted.kernel, booted.kernel.root, IMAGE)
    booted = boot("bulldog-early", until="jump_to_higher_half")
    assert booted.machine.cpu.ip == IMAGE
    assert booted.machine.cpu.sp >= KERNEL_SPACE
    names = [step.name for step in booted.steps]
    assert names.index("paging") < names.index("jump_to_higher_half")


def test_bo_3_a_jump_to_where_the_image_is_not_mapped_is_refused():
    forgets = SimpleNamespace(**vars(paging))

    def init_paging(kernel, layout):
        root = paging.init_paging(kernel, layout)
        for offset in range(0, kernel.boot_info.kernel.length, 0x1000):
            paging.unmap_page(kernel, root, IMAGE + offset)
        return root

    forgets.init_paging = paging.hookimpl(init_paging)
    booted = boot("bulldog-early", roles={"paging": forgets})
    assert booted.steps[-1].name == "jump_to_higher_half"
    assert not booted.ok


@pytest.mark.parametrize("offset", OFFSETS, ids=hex)
def test_bo_4_the_direct_map_adds_a_constant_and_its_inverse_takes_it_off(offset):
    spec = replace(machine_spec("boot512"), physical_memory_offset=offset)
    booted = boot("bulldog-early", spec)
    for physical in (0, 0xB_8000, 0x1234_5678, 0x1FFC_FFF8):
        virtual = booted.call("phys_to_virt", physical)
        assert virtual == offset + physical
        assert phys_addr(booted.kernel, virtual) == physical
        assert booted.call("translate", booted.kernel.root, virtual).physical == physical


def test_bo_4_frames_tables_and_heap_are_reached_through_it():
    booted = boot("bulldog-early", stores=True)
    offset = booted.machine.boot_info.physical_memory_offset
    root, heap_page = booted.kernel.root, booted.kernel.config.heap_start
    heap_frame = booted.call("translate", root, heap_page).physical
    stored = {store.physical & ~0xFFF for store in booted.machine.trace.store_log}
    assert {root, heap_frame} <= stored
    assert booted.machine.cpu.load(offset + heap_frame, 8) == booted.machine.cpu.load(heap_page, 8)


def test_bo_4_what_is_no_memory_is_not_in_the_direct_map():
    booted = boot("bulldog-early")
    offset = booted.machine.boot_info.physical_memory_offset
    for physical in (0x2000_0000, 0xFEE0_0000):
        with pytest.raises(NotMapped):
            booted.call("translate", booted.kernel.root, offset + physical)


def test_bo_5_four_levels_are_walked():
    booted = boot("bulldog-early")
    path = booted.machine.cpu.mmu.walk_path(booted.kernel.config.heap_start)
    assert len(path) == 4
    booted.call("map_page", booted.kernel.root, FREE_PAGE, 0x234_5000, RIGHTS)
    booted.machine.cpu.store(FREE_PAGE + 8, 8, 0x55AA)
    assert booted.machine.ram.load(0x234_5008, 8) == 0x55AA


@pytest.mark.parametrize("spec", SPECS[:2], ids=lambda spec: spec.name)
def test_bo_6_every_page_of_the_kernel_is_global(spec):
    booted = boot("bulldog-early", spec)
    assert all(item.flags & PageTableFlags.GLOBAL for item in ranges(booted))
    cpu, page = booted.machine.cpu, booted.kernel.config.heap_start
    cpu.load(page, 8)
    cpu.cr3 = booted.kernel.root
    assert cpu.tlb.lookup(page) is not None, "MOV CR3 leaves a global translation alone"


def test_bo_6_all_address_spaces_share_the_tables_of_the_kernel():
    booted = boot("bulldog-early")
    kernel, cpu = booted.kernel, booted.machine.cpu
    other = paging.new_address_space(kernel)
    page = kernel.config.heap_max_end
    booted.call("map_page", kernel.root, page, 0x234_5000, RIGHTS)
    assert booted.call("translate", other, page).physical == 0x234_5000
    before = ranges(booted)
    cpu.cr3 = other
    assert ranges(booted) == before


@pytest.mark.parametrize("large_pages", [False, True])
def test_bo_7_large_pages_may_be_used_and_are_not_by_default(large_pages):
    config = {"large_pages": True} if large_pages else {}
    booted = boot("bulldog-early", config=config)
    sizes = {item.size for item in ranges(booted)}
    assert sizes == ({0x1000, 0x20_0000} if large_pages else {0x1000})


def test_bo_7_both_sizes_map_the_same_memory():
    small, large = (boot("bulldog-early", config={"large_pages": on}) for on in (False, True))
    places = range(0, 0x2000_0000, 0x7_3000)
    for physical in places:
        found = []
        for booted in (small, large):
            virtual = booted.call("phys_to_virt", physical)
            try:
                found.append(booted.call("translate", booted.kernel.root, virtual).physical)
            except NotMapped:
                found.append(None)
        assert found[0] == found[1]


def test_bo_8_tables_are_frames_of_the_free_list():
    booted = boot("bulldog-early")
    tables = table_frames(AddressSpace.of(booted.machine))
    usable = [r for r in booted.regions if r.kind.name == "AVAILABLE"]
    for table in tables:
        assert any(r.base <= table < r.end for r in usable)
    first = booted.first_frames
    assert first[0] == booted.kernel.root


def test_bo_8_without_frames_there_is_no_address_space():
    kernel = SimpleNamespace(hooks=SimpleNamespace(pmm_alloc_frame=lambda: None))
    with pytest.raises(MapError, match="no frame for a table"):
        paging.new_table(kernel)


def test_bo_9_user_code_can_not_reach_any_kernel_page():
    booted = boot("bulldog-early")
    for item in ranges(booted):
        again = boot("bulldog-early")
        with pytest.raises(MachineStopped), again.machine.cpu.user(again.kernel.root):
            again.machine.cpu.load(item.start, 1)
        fault = again.faults[-1].fields
        assert fault["vector"] == 14
        assert fault["address"] == item.start
        assert fault["error_code"] & 0b101 == 0b101
        assert "user code reached for the kernel" in " ".join(again.transcript)
