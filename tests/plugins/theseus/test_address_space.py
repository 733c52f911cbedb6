"""TH-1 to TH-11, TH-26, TH-27: the layout, its construction, the jump, and summaries."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from kernel_sim.boot import boot
from kernel_sim.cli.main import run
from kernel_sim.errors import KernelError, MachineStopped, NotMapped
from kernel_sim.inspection import AddressSpace, sweep
from kernel_sim.machine import machine_spec
from kernel_sim.page_table import PageTableFlags
from kernel_sim_theseus import layout, mapping, memory_manager, paging
from kernel_sim_theseus.handoff import read_handoff

PAGE, LARGE = 0x1000, 0x20_0000
GIB = 1 << 30
IMAGE = 0xFFFF_FFFF_8000_0000
OFFSET = 0xFFFF_8000_0000_0000


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
