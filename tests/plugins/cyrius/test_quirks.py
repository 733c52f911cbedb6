"""The quirks of Cyrius's code: off by default, and what each of them breaks."""

import pytest

from kernel_sim.boot import boot
from kernel_sim.errors import KernelError, MapError
from kernel_sim.inspection import AddressSpace, table_frames
from kernel_sim.machine import random_spec
from kernel_sim.page_table import PageTableFlags as Flags
from kernel_sim.profiles import profile
from kernel_sim_cyrius import address_space
from kernel_sim_cyrius.addr import MemPerm, Page, PhysAddr, VirtAddr
from kernel_sim_cyrius.kernel_init import heap_region

PAGE = 0xFFFF_FF90_0000_0000
RW = Flags.PRESENT | Flags.WRITABLE | Flags.NO_EXECUTE
SPEC = random_spec(3, firmware="bootinfo")


def quirky(name, **arguments):
    return boot("cyrius", SPEC, config={"quirks": name}, **arguments)


def test_ms_u1_the_heap_takes_the_frames_that_others_need():
    plain, greedy = quirky(""), quirky("heap_takes_region")
    assert heap_region(greedy.kernel).length > heap_region(plain.kernel).length
    assert greedy.call("pmm_stats").total < plain.call("pmm_stats").total


def test_ms_u5_a_frame_that_is_freed_twice_is_handed_out_twice():
    booted = quirky("duplicates_recycled")
    frame = booted.call("pmm_alloc_frame")
    booted.call("pmm_free_frame", frame)
    booted.call("pmm_free_frame", frame)
    assert booted.call("pmm_alloc_frame") == booted.call("pmm_alloc_frame") == frame


def test_ms_u5_freeing_an_empty_table_waits_for_itself():
    booted = quirky("cleanup_locks_again", until="idt")
    frame = booted.call("pmm_alloc_frame")
    booted.call("map_page", booted.kernel.root, PAGE, frame, RW)
    with pytest.raises(KernelError, match="wait for itself"):
        booted.call("unmap_page", booted.kernel.root, PAGE)


def test_ms_u5_a_mapping_that_fails_leaves_its_tables():
    booted = quirky("failed_map_keeps_tables")
    frame, spare = (booted.call("pmm_alloc_frame") for _ in range(2))
    while booted.kernel.hooks.pmm_alloc_frame() is not None:
        pass
    booted.call("pmm_free_frame", spare)
    with pytest.raises(MapError):
        booted.call("map_page", booted.kernel.root, PAGE, frame, RW)
    assert booted.call("pmm_stats").free == 0
    assert spare in table_frames(AddressSpace.of(booted.machine))


def test_ms_u5_a_dropped_space_leaks_its_lower_tables():
    booted = quirky("drop_frees_root_only")
    before = booted.call("pmm_stats").free
    handle, frame = address_space.new_space(booted.kernel), booted.call("pmm_alloc_frame")
    flags, page = MemPerm.USER_RW.flags, Page(VirtAddr(0x7000_0000_0000))
    handle.with_table(lambda table, frames: table.map(page, PhysAddr(frame), flags, frames))
    handle.drop()
    booted.call("pmm_free_frame", frame)
    assert booted.call("pmm_stats").free == before - 3


def test_ms_u4_interrupt_stacks_are_numbered_from_1():
    assert profile("cyrius").interrupt_stacks == {2: 1, 8: 2, 18: 3}


def test_none_is_on_by_default():
    assert quirky("").machine.trace.hash() == boot("cyrius", SPEC).machine.trace.hash()
    assert all("(MS-U" in sentence for sentence in profile("cyrius").quirks.values())
