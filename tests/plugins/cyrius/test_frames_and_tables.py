"""MS-12 to MS-19, MS-27, MS-29: frames, mapper, tables, and the manager that holds them."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from kernel_sim.boot import boot
from kernel_sim.errors import FrameError, KernelError, MapError, NotMapped, UnmapError
from kernel_sim.inspection import AddressSpace, table_frames
from kernel_sim.machine import random_spec
from kernel_sim.page_table import PageTableFlags as Flags
from kernel_sim.values import AddrRange
from kernel_sim_cyrius import manager
from kernel_sim_cyrius.addr import Page, PageSize, PhysAddr, VirtAddr
from kernel_sim_cyrius.kernel_init import heap_region
from kernel_sim_cyrius.layout import static
from kernel_sim_cyrius.page_table import active
from kernel_sim_cyrius.spin import locked

PAGE = 0xFFFF_FF90_0000_0000
RW = Flags.PRESENT | Flags.WRITABLE | Flags.NO_EXECUTE


@pytest.fixture
def booted():
    return boot("cyrius", random_spec(3, firmware="bootinfo"))


def refusal(booted, hook, *arguments):
    with pytest.raises(KernelError) as refused:
        booted.call(hook, *arguments)
    return type(refused.value), str(refused.value.reason)


def test_ms_12_tables_take_frames_from_whatever_allocator_there_is():
    result = boot("cyrius", roles={"pmm": "bulldog_early_pmm"})
    assert result.ok, result.oops
    assert all(test.passed for test in result.selftests)


def test_ms_13_tables_are_written_through_the_mapper_alone(booted):
    mapper = manager.phys_mapper(booted.kernel)
    offset = booted.machine.boot_info.physical_memory_offset
    assert mapper.phys_to_virt(PhysAddr(0x5000)) == VirtAddr(offset + 0x5000)
    with pytest.raises(TypeError):
        mapper.phys_to_virt(VirtAddr(0x5000)) - PhysAddr(0)


def test_ms_14_a_page_is_mapped_translated_changed_and_unmapped(booted):
    root, frame = booted.kernel.root, booted.call("pmm_alloc_frame")
    free = booted.call("pmm_stats").free
    assert active(booted.kernel, manager.phys_mapper(booted.kernel)).root.raw == root
    booted.call("map_page", root, PAGE, frame, RW)
    booted.machine.cpu.store(PAGE, 8, 77)
    assert booted.machine.ram.load(frame, 8) == 77
    assert booted.call("translate", root, PAGE + 5).physical == frame + 5
    booted.call("protect_page", root, PAGE, Flags.PRESENT | Flags.NO_EXECUTE)
    assert not booted.call("translate", root, PAGE).flags & Flags.WRITABLE
    assert booted.call("unmap_page", root, PAGE) == frame
    assert booted.call("pmm_stats").free == free, "tables that are empty are given back"


def test_ms_15_each_error_has_its_reason(booted):
    root, frame = booted.kernel.root, booted.call("pmm_alloc_frame")
    booted.call("map_page", root, PAGE, frame, RW)
    assert refusal(booted, "map_page", root, PAGE, frame, RW) == (MapError, "ALREADY_MAPPED")
    assert refusal(booted, "map_page", root, PAGE + 0x1000, 5, RW)[1] == "MISALIGNED_FRAME"
    assert refusal(booted, "map_page", root, 1 << 47, frame, RW)[1] == "NON_CANONICAL"
    large = RW | Flags.HUGE_PAGE
    assert refusal(booted, "map_page", root, PAGE, frame, large)[1] == "UNSUPPORTED_PAGE_SIZE"
    assert refusal(booted, "unmap_page", root, PAGE + 0x1000) == (UnmapError, "NOT_MAPPED")
    huge = booted.call("phys_to_virt", 0)
    assert booted.call("translate", root, huge).size > 0x1000
    assert refusal(booted, "unmap_page", root, huge)[1] == "HUGE_PAGE"
    assert refusal(booted, "translate", root, PAGE + 0x1000) == (NotMapped, "NOT_MAPPED")
    table = active(booted.kernel, manager.phys_mapper(booted.kernel))
    with manager.frame_allocator(booted.kernel) as frames, pytest.raises(UnmapError) as refused:
        table.unmap(Page(VirtAddr(0), PageSize.SIZE_2M), frames)
    assert refused.value.reason == "UNSUPPORTED_PAGE_SIZE"


def test_ms_15_a_mapping_without_frames_leaves_nothing_behind(booted):
    root, frame = booted.kernel.root, booted.call("pmm_alloc_frame")
    kept = [booted.call("pmm_alloc_frame")]
    while (taken := booted.kernel.hooks.pmm_alloc_frame()) is not None:
        kept.append(taken)
    booted.call("pmm_free_frame", kept[0])
    tables = table_frames(AddressSpace.of(booted.machine))
    assert refusal(booted, "map_page", root, PAGE, frame, RW)[1] == "FRAME_ALLOCATION_FAILED"
    assert table_frames(AddressSpace.of(booted.machine)) == tables
    assert booted.call("pmm_stats").free == 1


def test_ms_16_the_heap_is_never_handed_out(booted):
    heap = heap_region(booted.kernel)
    while (frame := booted.kernel.hooks.pmm_alloc_frame()) is not None:
        assert not AddrRange(frame, frame + 0x1000).overlaps(heap)


def test_ms_17_a_freed_frame_comes_back_first_the_last_one_before(booted):
    frames = [booted.call("pmm_alloc_frame") for _ in range(4)]
    for frame in frames[:3]:
        booted.call("pmm_free_frame", frame)
    assert [booted.call("pmm_alloc_frame") for _ in range(3)] == frames[2::-1]
    booted.call("pmm_free_frame", frames[0])
    assert refusal(booted, "pmm_free_frame", frames[0]) == (FrameError, "DOUBLE_FREE")


def test_ms_18_frames_are_reached_through_a_guard_that_holds_the_lock(booted):
    word = static(booted.kernel, "FRAME_LOCK").start
    with manager.frame_allocator(booted.kernel) as frames:
        assert booted.machine.cpu.load(word, 8) == 1
        frame = frames.allocate()
        assert isinstance(frame, PhysAddr)
        frames.deallocate(frame)
    assert booted.machine.cpu.load(word, 8) == 0


def test_ms_19_the_manager_is_set_up_once_and_before_anything_else(booted):
    with pytest.raises(manager.ManagerError, match="ALREADY_INITIALIZED"):
        manager.init(booted.kernel, heap_region(booted.kernel))
    early = boot("cyrius", until="heap_on_region")
    with pytest.raises(KernelError, match="before any other call"):
        manager.phys_mapper(early.kernel)
    without = SimpleNamespace(
        cpu=early.kernel.cpu,
        boot_info=replace(early.kernel.boot_info, physical_memory_offset=None),
    )
    with pytest.raises(manager.ManagerError, match="MISSING_OFFSET"):
        manager.init(without, AddrRange(0, 0))


def test_ms_27_a_lock_that_is_held_is_reported_and_let_go_on_errors(booted):
    def twice():
        with locked(booted.kernel, "TABLE_LOCK"), locked(booted.kernel, "TABLE_LOCK"):
            pytest.fail("two holders")

    with pytest.raises(KernelError, match="wait for itself"):
        twice()
    with locked(booted.kernel, "TABLE_LOCK"):
        assert booted.machine.cpu.load(static(booted.kernel, "TABLE_LOCK").start, 8) == 1


def test_ms_29_safety_contracts_are_written_down():
    for interface in (manager.PhysMapper, manager.FrameAllocatorGuard):
        assert "Safety:" in interface.__doc__
