"""BD-U7: how the mapper makes tables, what it leaves, and that an emulator sees the same."""

import pytest

from kernel_sim import hookimpl
from kernel_sim.boot import boot
from kernel_sim.errors import MapError
from kernel_sim.page_table import PageTableFlags
from kernel_sim_bulldog import page_tables

PAGE = 0xFFFF_A123_4567_8000
RIGHTS = PageTableFlags.PRESENT | PageTableFlags.WRITABLE
ACCESSED_AND_DIRTY = 0x60
FRAME_MASK = 0x000F_FFFF_FFFF_F000


class Frames:
    """A frame allocator that has a few frames and counts what is asked of it."""

    def __init__(self, frames):
        self.frames = list(frames)

    @hookimpl
    def pmm_init(self):
        pass

    @hookimpl
    def pmm_alloc_frame(self):
        return self.frames.pop(0) if self.frames else None


def mapper_with(frame_count):
    """A boot as far as the mapper, with so many frames, whose memory is full of junk."""
    frames = Frames(range(0x400_0000, 0x400_0000 + 0x1000 * frame_count, 0x1000))
    booted = boot("bulldog", until="init_temp", roles={"pmm": frames}, stores=True)
    for frame in frames.frames:
        booted.machine.cpu.fill(booted.call("phys_to_virt", frame), 4096, 0xFF)
    return booted, frames


def test_bd_u7_a_page_in_an_empty_part_takes_three_tables_and_its_neighbour_none():
    booted, frames = mapper_with(5)
    root = booted.kernel.root
    booted.call("map_page", root, PAGE, 0x234_5000, RIGHTS)
    assert len(frames.frames) == 2
    booted.call("map_page", root, PAGE + 0x1000, 0x234_6000, RIGHTS)
    assert len(frames.frames) == 2
    booted.call("unmap_page", root, PAGE)
    booted.call("map_page", root, PAGE, 0x234_5000, RIGHTS)
    assert len(frames.frames) == 2


def test_bd_u7_a_table_is_zeroed_before_an_entry_leads_to_it():
    booted, _ = mapper_with(3)
    done = len(booted.machine.trace.store_log)
    booted.call("map_page", booted.kernel.root, PAGE, 0x234_5000, RIGHTS)
    stores = booted.machine.trace.store_log[done:]
    for table in range(0x400_0000, 0x400_3000, 0x1000):
        zeroed = [
            n
            for n, item in enumerate(stores)
            if item.new == bytes(len(item.new)) and table <= item.physical < table + 0x1000
        ]
        linked = [
            n
            for n, item in enumerate(stores)
            if len(item.new) == 8 and int.from_bytes(item.new, "little") & FRAME_MASK == table
        ]
        assert zeroed
        assert len(linked) == 1
        assert zeroed[-1] < linked[0]


def test_bd_u7_entries_on_the_way_take_present_and_writable_over_and_nothing_else():
    booted, _ = mapper_with(3)
    flags = RIGHTS | PageTableFlags.NO_EXECUTE | PageTableFlags.GLOBAL | PageTableFlags.NO_CACHE
    booted.call("map_page", booted.kernel.root, PAGE, 0x234_5000, flags)
    path = booted.machine.cpu.mmu.walk_path(PAGE)
    above = [step.entry & ~FRAME_MASK & ~ACCESSED_AND_DIRTY for step in path[:-1]]
    assert above == [3, 3, 3]
    assert path[-1].entry & ~FRAME_MASK & ~ACCESSED_AND_DIRTY == int(flags)


def test_bd_u7_a_page_that_needs_more_rights_widens_the_way_to_it():
    booted, _ = mapper_with(3)
    root = booted.kernel.root
    booted.call("map_page", root, PAGE, 0x234_5000, PageTableFlags.PRESENT)
    with pytest.raises(MapError):
        booted.call("map_page", root, PAGE, 0x234_5000, RIGHTS)
    booted.call("map_page", root, PAGE + 0x1000, 0x234_6000, RIGHTS)
    booted.machine.cpu.store(PAGE + 0x1000, 8, 1)
    assert not booted.call("translate", root, PAGE).flags & PageTableFlags.WRITABLE


@pytest.mark.parametrize("frame_count", [0, 1, 2])
def test_bd_u7_without_a_frame_for_a_table_the_page_is_refused(frame_count):
    booted, _ = mapper_with(frame_count)
    with pytest.raises(MapError) as caught:
        booted.call("map_page", booted.kernel.root, PAGE, 0x234_5000, RIGHTS)
    assert caught.value.reason == "FRAME_ALLOCATION_FAILED"
    leaf = page_tables.walk(booted.kernel, booted.kernel.root, PAGE)[-1]
    assert not leaf.value & 1


def test_bd_u7_addresses_in_an_entry_are_bits_51_to_12():
    entry = page_tables.Entry(1, 0, 0xFFF0_0000_0234_5FFF)
    assert entry.frame == 0x234_5000
    large = page_tables.Entry(2, 0, 0x8000_0000_0020_1083)
    assert (large.frame, large.page_size, large.is_leaf) == (0x20_0000, 2 << 20, True)


@pytest.mark.slow
def test_an_emulator_sees_the_same_address_space():
    pytest.importorskip("unicorn")
    from kernel_sim.conformance.verify import verify  # noqa: PLC0415 - needs the emulator

    for report in verify(boot("bulldog", "boot512-shuffled").machine):
        last = report
    assert last.divergences == []
    assert last.pages_checked > 1 << 20
