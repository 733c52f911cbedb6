"""TH-1 to TH-14, TH-23 to TH-27: the layout, its construction, windows, checks and summaries."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from kernel_sim.boot import boot
from kernel_sim.cli.main import run
from kernel_sim.errors import (
    KernelError,
    MachineStopped,
    MapError,
    NotMapped,
    TranslationError,
    UnmapError,
)
from kernel_sim.inspection import AddressSpace, sweep
from kernel_sim.machine import machine_spec
from kernel_sim.page_table import PageTableFlags
from kernel_sim_theseus import kernel_init, layout, mapping, memory_manager, paging, phys_offset
from kernel_sim_theseus.handoff import read_handoff
from kernel_sim_theseus.temporary_window import temporary_window

PAGE, LARGE = 0x1000, 0x20_0000
GIB = 1 << 30
IMAGE = 0xFFFF_FFFF_8000_0000
WINDOW = 0xFFFF_FFFE_0000_0000
OFFSET = 0xFFFF_8000_0000_0000
FREE_PAGE = 0xFFFF_FFFF_C000_0000
RIGHTS = PageTableFlags.PRESENT | PageTableFlags.WRITABLE


@pytest.fixture
def booted():
    result = boot("theseus")
    assert result.ok, result.oops
    return result


def view(result, role):
    """The view of the kernel that the plugin of ``role`` has."""
    return next(r.view for r in result.host.registrations if role in r.roles)


def leads_to(result, address):
    return result.call("translate", result.kernel.root, address)


def mapped_ranges(result):
    return sweep(AddressSpace.of(result.machine))


def test_th_1_the_first_gib_is_mapped_to_itself_by_large_pages():
    early = boot("theseus", until="paging")
    low = [item for item in mapped_ranges(early) if item.start < GIB]
    assert [(r.start, r.end, r.physical, r.size) for r in low] == [(0, GIB, 0, LARGE)]


def test_th_1_the_image_is_not_in_it_any_more_when_the_boot_is_over(booted):
    image = booted.machine.boot_info.kernel
    for page in range(image.start, image.end, PAGE):
        with pytest.raises(NotMapped):
            leads_to(booted, page)
    assert leads_to(booted, image.end).physical == image.end
    with pytest.raises(MachineStopped):
        booted.machine.cpu.load(image.start, 8)


def test_th_2_the_image_lies_at_its_virtual_base(booted):
    assert layout.KERNEL_VIRTUAL_BASE == IMAGE
    image = booted.machine.boot_info.kernel
    for offset in (0, image.length - 1):
        assert leads_to(booted, IMAGE + offset).physical == image.start + offset
    assert booted.machine.cpu.ip == IMAGE


def test_th_3_the_temporary_heap_is_the_loader_s_seen_elsewhere():
    early = boot("theseus", until="temp_heap")
    handoff = view(early, "paging").state.manager.handoff
    for offset in (0, handoff.temp_heap_size - PAGE):
        found = leads_to(early, 0xFFFF_FFFF_A000_0000 + offset)
        assert found.physical == handoff.temp_heap_base + offset
    late = boot("theseus")
    with pytest.raises(NotMapped):
        leads_to(late, 0xFFFF_FFFF_A000_0000)


def test_th_4_the_permanent_heap_has_256_pages(booted):
    base = 0xFFFF_FFFF_B000_0000
    frames = {leads_to(booted, page).physical for page in range(base, base + (1 << 20), PAGE)}
    assert len(frames) == 256
    with pytest.raises(NotMapped):
        leads_to(booted, base + (1 << 20))
    assert base <= booted.call("kmalloc", 100, 8) < base + (1 << 20)


def test_th_5_phys_offset_shows_memory_at_a_constant_distance(booted):
    for physical in (0, 0xB_8000, 0x123_4567, 0xFFF_F000):
        assert booted.call("phys_to_virt", physical) == OFFSET + physical
        assert leads_to(booted, OFFSET + physical).physical == physical


def test_th_6_the_flags_have_names_at_the_right_bits():
    bits = {
        "PTE_PRESENT": 0, "PTE_WRITABLE": 1, "PTE_USER": 2, "PTE_PWT": 3, "PTE_PCD": 4,
        "PTE_PS": 7, "PTE_GLOBAL": 8, "PTE_NO_EXEC": 63,
    }  # fmt: skip
    assert {name: int(getattr(layout, name)) for name in bits} == {
        name: 1 << bit for name, bit in bits.items()
    }


def test_th_7_usable_memory_is_what_the_firmware_s_map_says(booted):
    kinds = {region.type for region in booted.regions if region.kind.name == "AVAILABLE"}
    assert kinds == {7}
    shrunk = machine_spec("ovmf256")
    less = tuple(
        replace(item, type=0) if item.base == 0x150_0000 else item for item in shrunk.descriptors
    )
    other = boot("theseus", replace(shrunk, descriptors=less))
    assert other.ok, other.oops
    assert other.call("pmm_stats").total < booted.call("pmm_stats").total - 40_000


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", 1), ("version", 0), ("cpu_count", 0), ("boot_services_exited", 0),
        ("kernel_virtual_base", 0xFFFF_FFFF_9000_0000), ("memory_map_size", 40),
        ("temp_heap_size", 0x1234), ("framebuffer_size", 0),
    ],
)  # fmt: skip
def test_th_7_a_handoff_that_contradicts_itself_is_refused_by_its_field(field, value):
    early = boot("theseus", until="memmap")
    handoff = read_handoff(early.kernel)
    address = early.machine.boot_info.handoff
    early.machine.ram.write(address, replace(handoff, **{field: value}).encode())
    with pytest.raises(KernelError, match=field):
        read_handoff(early.kernel)


def test_th_8_image_framebuffer_lapic_and_handoff_have_their_places(booted):
    handoff = view(booted, "paging").state.manager.handoff
    info = booted.machine.boot_info
    assert leads_to(booted, 0xFFFF_FFFF_9000_0000).physical == handoff.framebuffer
    assert leads_to(booted, OFFSET + 0xFEE0_0000).physical == 0xFEE0_0000
    assert leads_to(booted, OFFSET + 0xFEC0_0000).physical == 0xFEC0_0000
    shown = leads_to(booted, layout.HANDOFF_VIRTUAL_BASE + info.handoff % PAGE)
    assert shown.physical == info.handoff
    for base in (0xFEE0_0000, 0xFEC0_0000):
        flags = leads_to(booted, OFFSET + base).flags
        assert flags & (PageTableFlags.NO_CACHE | PageTableFlags.WRITE_THROUGH)


def test_th_8_there_is_an_absent_page_on_either_side_of_the_kernel(booted):
    image = booted.machine.boot_info.kernel
    for page in (IMAGE - layout.LOW_WINDOW_BYTES - PAGE, IMAGE + image.length):
        with pytest.raises(NotMapped):
            leads_to(booted, page)
    low = leads_to(booted, IMAGE - PAGE)
    assert low.flags & PageTableFlags.NO_EXECUTE


@pytest.mark.parametrize(("flag", "end"), [(True, GIB), (False, 64 << 20)])
def test_th_9_a_setting_says_how_much_phys_offset_shows(flag, end):
    result = boot("theseus", config={"map_legacy_phys_offset_1gib": flag})
    assert result.ok, result.oops
    assert [test for test in result.selftests if not test.passed] == []
    assert leads_to(result, OFFSET + end - PAGE).physical == end - PAGE
    with pytest.raises(NotMapped):
        leads_to(result, OFFSET + end)


def test_th_10_building_leaves_cr3_alone():
    early = boot("theseus", until="pmm")
    before = early.machine.cpu.cr3
    manager = memory_manager.MemoryManager.new(view(boot("theseus", until="paging"), "paging"))
    assert manager.page_table_root % PAGE == 0
    result = boot("theseus", until="paging")
    events = [e.fields for e in result.machine.trace.events]
    writes = [n for n, fields in enumerate(events) if fields.get("register") == "cr3"]
    built = next(n for n, fields in enumerate(events) if fields.get("event") == "memory_manager")
    assert writes
    assert min(writes) > built
    assert before != result.machine.cpu.cr3 == events[built]["root"]


def test_th_11_the_jump_changes_address_and_stack():
    before = boot("theseus", until="idt").machine.cpu
    after = boot("theseus", until="jump_to_high_half").machine.cpu
    assert before.ip < OFFSET
    assert after.ip == IMAGE
    assert IMAGE < after.sp < IMAGE + (1 << 20)
    assert after.sp % 16 == 0


def test_th_11_a_target_that_is_not_mapped_fails_loudly():
    forgets = SimpleNamespace(**vars(paging))

    def init_paging(kernel, layout):
        root = paging.init_paging(kernel, layout)
        mapping.clear_page(kernel, root, IMAGE)
        return root

    forgets.init_paging = paging.hookimpl(init_paging)
    result = boot("theseus", roles={"paging": forgets})
    assert result.steps[-1].name == "jump_to_high_half"
    assert "the image at" in result.oops.message


@pytest.mark.parametrize(
    ("virtual", "physical", "length", "sizes"),
    [
        (0xFFFF_FFFF_C000_0000, 0x400_0000, 2 * LARGE, [LARGE]),
        (0xFFFF_FFFF_C000_0000, 0x400_1000, LARGE, [PAGE]),
        (0xFFFF_FFFF_C000_0000, 0x400_0000, LARGE + PAGE, [LARGE, PAGE]),
        (0xFFFF_FFFF_C01F_F000, 0x41F_F000, LARGE + 2 * PAGE, [PAGE, LARGE, PAGE]),
    ],
)
def test_th_12_large_leaves_are_used_where_both_sides_are_aligned(
    booted, virtual, physical, length, sizes
):
    kernel = view(booted, "paging")
    arguments = (kernel, booted.kernel.root, virtual, physical, length, RIGHTS)
    mapping.map_range_with_policy(*arguments)
    made = [r for r in mapped_ranges(booted) if virtual <= r.start < virtual + length]
    assert [item.size for item in made] == sizes
    assert sum(item.length for item in made) == length
    assert all(item.physical == physical + item.start - virtual for item in made)


def test_th_12_flags_are_the_caller_s_and_the_size_is_not(booted):
    kernel, root = view(booted, "paging"), booted.kernel.root
    with pytest.raises(MapError, match="PTE_PS"):
        mapping.map_range_with_policy(kernel, root, FREE_PAGE, 0, LARGE, RIGHTS | layout.PTE_PS)
    with pytest.raises(MapError, match="0x1000"):
        mapping.map_range_with_policy(kernel, root, FREE_PAGE + 1, 0, PAGE, RIGHTS)
    mapping.map_range_with_policy(kernel, root, FREE_PAGE, 0x400_0000, PAGE, layout.WINDOW)
    assert leads_to(booted, FREE_PAGE).flags & layout.PTE_NO_EXEC


def test_th_13_tables_come_from_the_reserved_frames_first(booted):
    kernel = view(booted, "paging")
    kernel.state.reserved_frames = [0x500_0000, 0x600_0000]
    free = booted.call("pmm_stats").free
    mapping.map_2mb_page_alloc(kernel, booted.kernel.root, 0xFFFF_A000_0000_0000, 0, RIGHTS)
    path = booted.machine.cpu.mmu.walk_path(0xFFFF_A000_0000_0000)
    assert [step.entry & 0xF_FFFF_F000 for step in path[:2]] == [0x600_0000, 0x500_0000]
    assert len(path) == 3, "a leaf of 2 MiB"
    assert booted.call("pmm_stats").free == free
    mapping.map_2mb_page_alloc(kernel, booted.kernel.root, 0xFFFF_B000_0000_0000, 0, RIGHTS)
    assert booted.call("pmm_stats").free == free - 2


def test_th_13_a_frame_out_of_reach_is_refused_as_a_table_and_goes_back():
    lean = boot("theseus", config={"map_legacy_phys_offset_1gib": False})
    root, page = lean.kernel.root, 0xFFFF_C000_0000_0000
    kernel = view(lean, "paging")
    kernel.state.reserved_frames = []
    shown = [lean.call("pmm_alloc_frame")]
    while shown[-1] < layout.LEAN_WINDOW_BYTES:
        shown.append(lean.call("pmm_alloc_frame"))
    beyond, free = shown.pop(), lean.call("pmm_stats").free
    with pytest.raises(MapError, match="PHYS_OFFSET shows"):
        lean.call("map_page", root, page, beyond, RIGHTS)
    assert lean.call("pmm_stats").free == free
    for frame in shown[-3:]:
        lean.call("pmm_free_frame", frame)
    lean.call("map_page", root, page, beyond, RIGHTS)
    assert leads_to(lean, page).physical == beyond


def test_th_14_the_window_shows_one_frame_for_the_time_of_a_scope(booted):
    kernel = view(booted, "paging")
    with temporary_window(kernel, 0xE40_0000) as address:
        assert address == WINDOW
        booted.machine.cpu.store(address + 8, 8, 0x55)
        with pytest.raises(MapError, match="not in use"), temporary_window(kernel, 0xE50_0000):
            pass
    assert booted.machine.ram.load(0xE40_0008, 8) == 0x55
    with pytest.raises(NotMapped):
        leads_to(booted, WINDOW)
    with temporary_window(kernel, 0xE50_0000):
        booted.machine.cpu.store(WINDOW + 8, 8, 0x66)
    assert booted.machine.ram.load(0xE40_0008, 8) == 0x55, "the old translation was flushed"
    assert booted.machine.ram.load(0xE50_0008, 8) == 0x66


def test_th_14_the_window_is_closed_after_an_error(booted):
    kernel = view(booted, "paging")
    with pytest.raises(ZeroDivisionError), temporary_window(kernel, 0xE40_0000):
        raise ZeroDivisionError
    with pytest.raises(NotMapped):
        leads_to(booted, WINDOW)


def test_th_23_conversion_is_refused_until_phys_offset_is_active():
    early = boot("theseus", until="pmm", extras=["theseus_paging"])
    kernel = view(boot("theseus"), "paging")
    assert (
        phys_offset.virt_to_phys_pa(kernel, phys_offset.phys_to_virt_pa(kernel, 0x1234)) == 0x1234
    )
    with pytest.raises(TranslationError):
        phys_offset.virt_to_phys_pa(kernel, 0x1234)
    inactive = view(early, "paging")
    for convert in (phys_offset.phys_to_virt_pa, phys_offset.virt_to_phys_pa):
        with pytest.raises(TranslationError, match="active"):
            convert(inactive, OFFSET)
    assert early.call("phys_to_virt", 0x1234) == 0x1234


def test_th_24_every_page_of_a_range_is_checked(booted):
    kernel, root = view(booted, "paging"), booted.kernel.root
    for number in range(3):
        flags = RIGHTS if number < 2 else PageTableFlags.PRESENT
        booted.call("map_page", root, FREE_PAGE + number * PAGE, 0xE40_0000, flags)

    def writable(start, length):
        return phys_offset.virt_range_has_flags(kernel, start, length, RIGHTS)

    assert writable(FREE_PAGE, 2 * PAGE)
    assert not writable(FREE_PAGE, 3 * PAGE)
    assert not writable(FREE_PAGE + 0x800, 2 * PAGE), "its last bytes lie on the third page"
    assert not writable(FREE_PAGE + 2 * PAGE, 1)
    assert not writable(FREE_PAGE + 3 * PAGE, 1), "absent"


def test_th_24_stacks_are_checked_before_they_are_needed():
    early = boot("theseus", until="idt")
    kernel = view(early, "boot")
    early.machine.cpu.symbols.update(
        {
            "bss": IMAGE
            + early.machine.boot_info.symbols["bss"]
            - early.machine.boot_info.kernel.start
        }
    )
    kernel_init.check_stacks(kernel)
    stack = layout.stack(kernel, "NMI")
    mapping.clear_page(view(early, "paging"), early.kernel.root, stack.start)
    with pytest.raises(KernelError, match="NMI"):
        kernel_init.check_stacks(kernel)


def test_th_25_frames_are_cleared_by_what_shows_them():
    early = boot("theseus", until="pmm", extras=["theseus_paging"])
    assert phys_offset.zero_frame_safely(view(early, "paging"), 0xE40_0000) == "identity"
    late = boot("theseus")
    assert phys_offset.zero_frame_safely(view(late, "paging"), 0xE40_0000) == "phys_offset"
    lean = boot("theseus", config={"map_legacy_phys_offset_1gib": False})
    frame = 0xE40_0000
    lean.machine.ram.store(frame, 8, 7)
    assert phys_offset.zero_frame_safely(view(lean, "paging"), frame) == "window"
    assert lean.machine.ram.read(frame, PAGE) == bytes(PAGE)
    phys_offset.zero_phys_range(view(late, "paging"), 0xE40_0010, 100)
    assert late.machine.ram.read(0xE40_0010, 100) == bytes(100)


@pytest.mark.parametrize("verbose", [False, True])
def test_th_26_the_layout_is_printed_under_verbose_logging(verbose):
    result = boot("theseus", config={"verbose": verbose})
    lines = [line for line in result.transcript if line.startswith("[LAYOUT]")]
    if not verbose:
        assert lines == []
        return
    words = " ".join(lines)
    for name in ("identity", "kernel image", "framebuffer", "phys_offset", "lapic", "handoff"):
        assert name in words
    assert any("P|W|G|PCD|PWT" in line and "lapic" in line for line in lines)
    assert all(len(line) <= 80 for line in lines)
    assert len(lines) == 9, "one line a range"
    assert "0xffffffff7fff0000-0xffffffff80000000" in words


def test_th_27_memlayout_walks_the_live_tables(capsys):
    assert run(["memlayout", "--profile", "theseus"]) == 0
    printed = capsys.readouterr().out
    for address in ("0xffff800000000000", "0xffffffff80000000", "0xffffffffb0000000"):
        assert address in printed
    result = boot("theseus")
    summary = {item.virtual.start for item in view(result, "paging").state.manager.mapped}
    live = {item.start for item in mapped_ranges(result)}
    assert {0xFFFF_FFFF_9000_0000, 0xFFFF_8000_0000_0000} <= summary & live


def test_pages_that_can_not_be_mapped_or_unmapped_are_refused(booted):
    root = booted.kernel.root
    for page, frame, flags in (
        (FREE_PAGE + 1, 0, RIGHTS), (FREE_PAGE, 1, RIGHTS), (1 << 47, 0, RIGHTS),
        (FREE_PAGE, 1 << 52, RIGHTS), (FREE_PAGE, 0, RIGHTS | layout.PTE_PS), (IMAGE, 0, RIGHTS),
        (OFFSET, 0, RIGHTS),
    ):  # fmt: skip
        with pytest.raises(MapError):
            booted.call("map_page", root, page, frame, flags)
    for page in (FREE_PAGE, OFFSET):
        with pytest.raises(UnmapError):
            booted.call("unmap_page", root, page)
