"""MS-7 to MS-11: the buddy heap."""

from dataclasses import replace

import pytest

from kernel_sim.boot import boot
from kernel_sim.errors import HeapError, HeapErrorReason, HeapInitError, KernelError
from kernel_sim.kernel import Kernel
from kernel_sim.machine import random_spec
from kernel_sim_cyrius import heap as allocator
from kernel_sim_cyrius.buddy import BuddySystem, block_bytes


@pytest.fixture
def booted():
    return boot("cyrius", random_spec(3, firmware="bootinfo"))


def lists(booted):
    """Size → free blocks of it."""
    buddies = BuddySystem(booted.kernel)
    found = {1 << order: buddies.blocks(1 << order) for order in range(32)}
    return {size: blocks for size, blocks in found.items() if blocks}


def test_ms_7_blocks_are_split_low_half_first_and_join_again(booted):
    before = {size: sorted(blocks) for size, blocks in lists(booted).items()}
    first, second = (booted.call("kmalloc", 8, 8) for _ in range(2))
    assert second == first ^ 8
    assert first < second
    for block in (first, second):
        booted.call("kfree", block)
    assert {size: sorted(blocks) for size, blocks in lists(booted).items()} == before


def test_ms_7_a_block_is_a_power_of_two_that_holds_size_and_alignment(booted):
    assert [block_bytes(*r) for r in ((1, 1), (9, 8), (520, 8), (8, 4096))] == [8, 16, 1024, 4096]
    used = booted.call("heap_stats").used
    booted.call("kmalloc", 520, 8)
    assert booted.call("heap_stats").used == used + 1024
    assert booted.call("kmalloc", 1 << 31, 8) is None


def test_ms_8_the_heap_is_set_up_once_and_its_range_is_judged_first(booted):
    start = booted.call("kmalloc", 4096, 4096)
    for end, reason in (
        (start - 1, "INVALID_RANGE"),
        (start, "EMPTY_RANGE"),
        (start + 4096, "ALREADY_INITIALIZED"),
    ):
        with pytest.raises(HeapInitError) as refused:
            booted.call("heap_init", start, end)
        assert refused.value.reason == reason


def test_ms_8_the_heap_needs_no_frame_and_no_table(booted):
    events = booted.machine.trace.events
    made = next(e.number for e in events if e.fields.get("event") == "init_heap")
    frames = [e.number for e in events if e.fields.get("hook") == "pmm_alloc_frame"]
    assert frames
    assert made < min(frames)


def test_ms_9_the_heap_is_the_only_allocator_and_lies_in_the_direct_map(booted):
    offset = booted.machine.boot_info.physical_memory_offset
    block = booted.call("kmalloc", 64, 8)
    booted.machine.cpu.store(block, 8, 0x1234)
    assert booted.machine.ram.load(block - offset, 8) == 0x1234
    providers = [p.name for p in booted.plugins if "heap" in p.roles]
    assert providers == ["cyrius_heap"]


def test_ms_10_failure_is_null_and_the_error_handler_panics(booted):
    assert booted.call("kmalloc", 1 << 40, 8) is None
    registration = next(i for i in booted.host.registrations if i.plugin.name == "cyrius_heap")
    view = registration.view
    assert isinstance(view, Kernel)
    with pytest.raises(KernelError, match="memory for"):
        allocator.alloc_or_panic(view, 1 << 40, 8)


def test_ms_11_the_kernels_own_test_of_the_heap_is_run_at_boot(booted):
    (result,) = (test for test in booted.selftests if test.name == "heap")
    assert result.passed
    with pytest.raises(HeapError) as refused:
        booted.call("kfree", 0x1000)
    assert refused.value.reason == HeapErrorReason.FOREIGN_POINTER


def test_ms_u2_the_heap_is_carved_into_aligned_powers_of_two(booted):
    for size, blocks in lists(booted).items():
        assert all(block % size == 0 for block in blocks)


def test_ms_u1_the_heap_begins_the_largest_usable_region():
    spec = replace(
        random_spec(3, firmware="bootinfo"), physical_memory_offset=0xFFFF_A000_0000_0000
    )
    result = boot("cyrius", spec)
    event = next(e for e in result.machine.trace.events if e.fields.get("event") == "init_heap")
    assert event.fields["start"] > 0xFFFF_A000_0000_0000
