"""BO-10 to BO-12, BO-16: usable regions, the free-frame list, and the order of the map."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_sim.boot import boot
from kernel_sim.errors import FrameError
from kernel_sim.host.reservation import reserved_ranges
from kernel_sim.machine import machine_spec, random_spec
from kernel_sim.values import RegionKind

FRAME = 0x1000


def free_frames(booted):
    """Every frame in the list, as memory holds it, read without the plugin."""
    state = next(r.view for r in booted.host.registrations if r.plugin.name.endswith("pmm")).state
    ram, address, frames = booted.machine.ram, state.allocator.frames.head, []
    while address:
        follows, count = ram.load(address, 8), ram.load(address + 8, 8)
        frames += range(address, address + count * FRAME, FRAME)
        address = follows
    return frames


def may_be_handed_out(booted):
    """The frames wholly in usable memory and in nothing that is reserved."""
    reserved = reserved_ranges(booted.machine.boot_info)
    usable = [r for r in booted.regions if r.kind is RegionKind.AVAILABLE]
    return {
        frame
        for region in usable
        for frame in range(-(-region.base // FRAME) * FRAME, region.end - FRAME + 1, FRAME)
        if not any(r.start < frame + FRAME and frame < r.end for r in reserved)
        and frame + FRAME <= booted.machine.physical_limit
    }


@pytest.mark.parametrize("name", ["boot512", "boot512-shuffled", "numa2"])
def test_bo_10_the_list_holds_every_usable_frame_once_and_no_other(name):
    booted = boot("bulldog-early", name, until="pmm")
    found = free_frames(booted)
    assert len(found) == len(set(found))
    assert set(found) == may_be_handed_out(booted)


def test_bo_10_a_region_is_inserted_as_one_run():
    booted = boot("bulldog-early", "numa2", until="pmm")
    stores = boot("bulldog-early", "numa2", until="pmm", stores=True).machine.trace.store_log
    assert len(free_frames(booted)) > 60_000
    assert len([s for s in stores if s.physical >= 0x10_0000]) < 2_000


def test_bo_11_allocation_gives_aligned_frames_until_there_are_none():
    booted = boot("bulldog-early")
    free = booted.call("pmm_stats").free
    taken = [booted.call("pmm_alloc_frame") for _ in range(300)]
    assert len(set(taken)) == 300
    assert all(frame % FRAME == 0 for frame in taken)
    assert set(taken) <= may_be_handed_out(booted)
    assert booted.call("pmm_stats").free == free - 300


def test_bo_11_an_empty_list_gives_none():
    booted = boot("bulldog-early", until="pmm")
    (plugin,) = (r for r in booted.host.registrations if r.plugin.name.endswith("pmm"))
    frames = plugin.view.state.allocator.frames
    frames.head = frames.regions = frames.free = 0
    assert booted.call("pmm_alloc_frame") is None
    booted.call("pmm_free_frame", 0x100_0000)
    assert booted.call("pmm_alloc_frame") == 0x100_0000
    assert booted.call("pmm_alloc_frame") is None


def test_bo_12_a_frame_that_comes_back_is_the_next_to_go():
    booted = boot("bulldog-early")
    first, second = (booted.call("pmm_alloc_frame") for _ in range(2))
    booted.call("pmm_free_frame", first)
    booted.call("pmm_free_frame", second)
    assert [booted.call("pmm_alloc_frame") for _ in range(2)] == [second, first]


@given(st.lists(st.integers(0, 99), max_size=80), st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_bo_12_no_order_of_taking_and_giving_loses_or_doubles_a_frame(order, rng):
    booted = boot("bulldog-early", until="pmm")
    everything = set(free_frames(booted))
    owned = []
    for number in order:
        if owned and number % 2:
            booted.call("pmm_free_frame", owned.pop(rng.randrange(len(owned))))
        else:
            owned.append(booted.call("pmm_alloc_frame"))
    left = free_frames(booted)
    assert len(left) == len(set(left))
    assert not set(left) & set(owned)
    assert set(left) | set(owned) == everything


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (0x20_0001, "MISALIGNED"),
        (1 << 45, "OUT_OF_RANGE"),
        (0x1000, "RESERVED"),
        (0xF00_0000, "RESERVED"),
        (0x1F00_0000, "DOUBLE_FREE"),
    ],
)
def test_bo_12_what_is_not_in_use_can_not_be_given_back(frame, reason):
    booted = boot("bulldog-early")
    before = booted.call("pmm_stats")
    with pytest.raises(FrameError) as refused:
        booted.call("pmm_free_frame", frame)
    assert refused.value.reason == reason
    assert booted.call("pmm_stats") == before


def test_bo_12_a_frame_is_not_given_back_twice():
    booted = boot("bulldog-early")
    frame = booted.call("pmm_alloc_frame")
    booted.call("pmm_free_frame", frame)
    with pytest.raises(FrameError, match="in use"):
        booted.call("pmm_free_frame", frame)


@pytest.mark.parametrize("seed", range(3))
def test_bo_16_the_order_of_the_map_changes_nothing(seed):
    spec = machine_spec("boot512")
    entries = list(spec.entries)
    random.Random(seed).shuffle(entries)
    plain, shuffled = (
        boot("bulldog-early", item) for item in (spec, replace(spec, entries=tuple(entries)))
    )
    assert shuffled.ok
    assert shuffled.first_frames == plain.first_frames
    assert free_frames(shuffled) == free_frames(plain)


def test_bo_16_a_random_map_is_no_obstacle():
    for seed in range(6):
        booted = boot("bulldog-early", random_spec(seed, firmware="bootinfo"))
        assert booted.ok, booted.oops
        assert set(free_frames(booted)) <= may_be_handed_out(booted)
