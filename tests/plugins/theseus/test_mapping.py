"""TH-12 to TH-14: ranges mapped by policy, large pages, and the temporary window."""

import pytest

from kernel_sim.boot import boot
from kernel_sim.errors import MapError, NotMapped, UnmapError
from kernel_sim.inspection import AddressSpace, sweep
from kernel_sim.page_table import PageTableFlags
from kernel_sim_theseus import layout, mapping
from kernel_sim_theseus.temporary_window import temporary_window

PAGE, LARGE = 0x1000, 0x20_0000
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
