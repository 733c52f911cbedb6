"""KV-9 to KV-18: the bitmap frame allocator."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_sim import AddrRange, FrameError, MemoryRegion, RegionKind
from kernel_sim.boot import boot
from kernel_sim.machine import FirmwareEntry, MachineSpec
from kernel_sim_kernel_v.frame_ranges import FrameRange, available_frames, without

FRAME = 0x1000


def start(machine="pc128", **options):
    """A boot up to the frame allocator, and the kernel's hooks."""
    run = boot(machine=machine, until="pmm", **options)
    return run, run.kernel.hooks


def before_init():
    """A boot whose allocator is there but has not been told of any memory."""
    run = boot(machine="pc128", until="memmap", extras=["kernel_v_pmm", "kernel_v_paging"])
    return run, run.kernel.hooks


def bitmap(run):
    stats = run.kernel.hooks.pmm_stats()
    return run.machine.ram.read(stats.bitmap_base, stats.bitmap_bytes)


def drain(hooks):
    """All frames that are left, in the order in which they come."""
    frames = []
    while (frame := hooks.pmm_alloc_frame()) is not None:
        frames.append(frame)
    return frames


def small_machine(*entries):
    low = FirmwareEntry(0, 0x9_FC00, 1)
    return MachineSpec("small", 8 << 20, "raw", (low, *entries))


def test_kv_9_an_allocation_changes_one_bit_of_the_bitmap_in_memory():
    run, hooks = start()
    before = bitmap(run)
    frame = hooks.pmm_alloc_frame()
    changed = [i for i, (a, b) in enumerate(zip(before, bitmap(run), strict=True)) if a != b]
    number = frame // FRAME
    assert changed == [number // 8]
    assert before[changed[0]] ^ bitmap(run)[changed[0]] == 1 << number % 8


def test_kv_9_the_bitmap_says_for_every_frame_what_the_allocator_does():
    run, hooks = start("pc4")
    bits = int.from_bytes(bitmap(run), "little")
    clear = [n * FRAME for n in range(len(bitmap(run)) * 8) if not bits >> n & 1]
    assert drain(hooks) == clear


def test_kv_10_frames_are_aligned_addresses_each_handed_out_once():
    _, hooks = start()
    frames = drain(hooks)
    assert all(frame % FRAME == 0 for frame in frames)
    assert len(frames) == len(set(frames)) == 32_480


def test_kv_10_the_first_frames_follow_the_first_mib():
    _, hooks = start()
    assert [hooks.pmm_alloc_frame() for _ in range(2)] == [0x10_0000, 0x10_1000]


def test_kv_11_a_freed_frame_can_be_allocated_again():
    _, hooks = start()
    frames = [hooks.pmm_alloc_frame() for _ in range(8)]
    hooks.pmm_free_frame(frames[3])
    assert hooks.pmm_alloc_frame() == frames[3]
    assert hooks.pmm_alloc_frame() not in frames


def test_kv_12_usable_regions_round_inward():
    ragged = FirmwareEntry(0x10_0800, 0x40_0000, 1)
    _, hooks = start(small_machine(ragged))
    frames = drain(hooks)
    assert frames[0] == 0x10_1000
    assert frames[-1] == 0x4F_F000


def test_kv_12_reserved_ranges_round_outward():
    run, hooks = before_init()
    taken = [AddrRange(0, 0x10_0000), AddrRange(0x10_0FFF, 0x10_1001)]
    hooks.pmm_init(run.regions, taken)
    assert hooks.pmm_alloc_frame() == 0x10_2000


def test_kv_12_available_regions_that_touch_within_a_frame_share_it():
    pieces = [MemoryRegion(0x1000, 0x1800, RegionKind.AVAILABLE, 1)]
    pieces.append(MemoryRegion(0x2800, 0x1800, RegionKind.AVAILABLE, 1))
    assert available_frames(pieces, 0x1_0000) == [FrameRange(1, 4)]


ranges = st.builds(
    lambda first, count: FrameRange(first, first + count), st.integers(0, 40), st.integers(0, 12)
)


@given(st.lists(ranges, max_size=6), st.lists(ranges, max_size=6))
def test_kv_12_what_is_left_after_reservations_is_the_difference_of_sets(wholes, taken):
    disjoint, end = [], 0
    for whole in sorted(wholes):
        if whole.first >= end and whole.frame_count:
            disjoint.append(whole)
            end = whole.end
    left = without(disjoint, taken)
    expected = {n for r in disjoint for n in range(*r)} - {n for r in taken for n in range(*r)}
    assert [n for r in left for n in range(*r)] == sorted(expected)


def test_kv_13_what_no_entry_describes_is_never_handed_out():
    beyond_hole = FirmwareEntry(0x50_0000, 0x10_0000, 1)
    _, hooks = start(small_machine(FirmwareEntry(0x10_0000, 0x10_0000, 1), beyond_hole))
    frames = drain(hooks)
    assert not [f for f in frames if 0x20_0000 <= f < 0x50_0000]
    assert 0x50_0000 in frames


def test_kv_13_a_second_initialisation_changes_nothing():
    run, hooks = start()
    live = hooks.pmm_alloc_frame()
    before = bitmap(run), hooks.pmm_stats()
    hooks.pmm_init(run.regions, [])
    assert (bitmap(run), hooks.pmm_stats()) == before
    assert hooks.pmm_alloc_frame() != live


def test_kv_14_the_highest_usable_frame_is_reached():
    _, hooks = start()
    assert drain(hooks)[-1] == 0x7FD_F000


def test_kv_14_memory_above_the_limit_is_left_out_and_not_aliased():
    run, hooks = start("pc-nasty")
    frames = drain(hooks)
    available = [r for r in run.regions if r.kind is RegionKind.AVAILABLE]
    assert any(r.base >= 1 << 32 for r in available)
    assert max(frames) < run.kernel.config.physical_limit
    assert all(any(r.base <= f and f + FRAME <= r.end for r in available) for f in frames)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (0x10_0800, "MISALIGNED"),
        (0x10_0001, "MISALIGNED"),
        (0x8000_0000, "OUT_OF_RANGE"),
        (-0x1000, "OUT_OF_RANGE"),
        (0xB_8000, "RESERVED"),
        (0, "RESERVED"),
        (0x20_0000, "DOUBLE_FREE"),
    ],
)
def test_kv_15_a_wrong_free_is_refused_and_changes_nothing(frame, reason):
    run, hooks = start()
    hooks.pmm_alloc_frame()
    before = bitmap(run), hooks.pmm_stats()
    with pytest.raises(FrameError) as refused:
        hooks.pmm_free_frame(frame)
    assert refused.value.reason == reason
    assert (bitmap(run), hooks.pmm_stats()) == before


def test_kv_16_kernel_image_low_memory_and_the_bitmap_are_never_handed_out():
    run, hooks = start()
    stats, frames = hooks.pmm_stats(), set(drain(hooks))
    info = run.machine.boot_info
    taken = [
        AddrRange(0, 0x10_0000),
        info.kernel,
        info.stack,
        AddrRange(stats.bitmap_base, stats.bitmap_base + stats.bitmap_bytes),
    ]
    touched = {f for r in taken for f in range(r.start & -FRAME, r.end, FRAME)}
    assert not touched & frames


def test_kv_16_frame_zero_is_kept_back_even_when_nothing_is_reserved():
    run, hooks = before_init()
    hooks.pmm_init(run.regions, [])
    assert hooks.pmm_alloc_frame() == FRAME


def test_kv_16_a_bitmap_without_an_area_of_its_own_reserves_the_frames_it_takes():
    low, high = FirmwareEntry(0, 0x8000, 1), FirmwareEntry(0x10_0000, 0x7FF0_0000, 1)
    run = boot(machine=MachineSpec("tight", 2 << 30, "raw", (low, high), pse=True), until="pmm")
    hooks = run.kernel.hooks
    stats = hooks.pmm_stats()
    own = AddrRange(stats.bitmap_base, stats.bitmap_base + stats.bitmap_bytes)
    assert run.kernel.config.bitmap_area is None
    with pytest.raises(FrameError) as refused:
        hooks.pmm_free_frame(own.start & -FRAME)
    assert refused.value.reason == "RESERVED"
    run_length = hooks.pmm_alloc_contiguous(64, FRAME)
    assert not AddrRange(run_length, run_length + 64 * FRAME).overlaps(own)


def test_kv_17_exhaustion_gives_none_and_one_free_one_frame():
    run, hooks = start("pc4")
    frames = drain(hooks)
    assert hooks.pmm_alloc_frame() is None
    assert any(e.fields.get("event") == "pmm_exhausted" for e in run.machine.trace.events)
    hooks.pmm_free_frame(frames[100])
    assert hooks.pmm_alloc_frame() == frames[100]
    assert hooks.pmm_alloc_frame() is None


def test_kv_18_counters_follow_a_random_history():
    run, hooks = start("pc4")
    chance, live = random.Random(18), []
    total = hooks.pmm_stats().total
    used = hooks.pmm_stats().used
    for _ in range(2000):
        if live and chance.random() < 0.45:
            hooks.pmm_free_frame(live.pop(chance.randrange(len(live))))
        elif (frame := hooks.pmm_alloc_frame()) is not None:
            assert frame not in live
            live.append(frame)
    stats = hooks.pmm_stats()
    assert (stats.total, stats.used, stats.free) == (total, used + len(live), total - stats.used)
    ones = int.from_bytes(bitmap(run), "little").bit_count()
    assert stats.free == stats.bitmap_bytes * 8 - ones


def test_kv_18_overlapping_reservations_count_once():
    run, hooks = before_init()
    doubled = [AddrRange(0, 0x10_0000), AddrRange(0x8_0000, 0x20_0000)]
    hooks.pmm_init(run.regions, doubled)
    assert hooks.pmm_stats().total == 32_639
    assert hooks.pmm_stats().used == 159 + 256


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 70), st.sampled_from([1, 4096, 8192, 0x1_0000]), st.randoms())
def test_contiguous_runs_are_free_aligned_and_the_first_that_fit(count, align, chance):
    _, hooks = start("pc4")
    frames = drain(hooks)
    free = set(chance.sample(frames, len(frames) * 4 // 5))
    for frame in free:
        hooks.pmm_free_frame(frame)
    fits = [
        f for f in frames if f % align == 0 and all(f + i * FRAME in free for i in range(count))
    ]
    assert hooks.pmm_alloc_contiguous(count, align) == (fits[0] if fits else None)
    taken = count if fits else 0
    assert hooks.pmm_stats().free == len(free) - taken == len(drain(hooks))


def test_a_contiguous_run_skips_free_frames_that_are_not_aligned():
    _, hooks = start()
    hooks.pmm_alloc_frame()
    assert hooks.pmm_alloc_contiguous(2, 0x1_0000) == 0x11_0000
    assert hooks.pmm_alloc_contiguous(2, 0x1000) == 0x10_1000
    assert hooks.pmm_alloc_contiguous(0, 0x1000) is None
    assert hooks.pmm_alloc_contiguous(1, 0x3000) is None


LAYOUTS = ["msb", "inverted", "cut", "msb,inverted,cut"]
NO_LOW_MEMORY = MachineSpec("high", 8 << 20, "raw", (FirmwareEntry(1 << 20, 0x7F_0800, 1),))


def used_frames(run):
    """The numbers of the frames that are in use, as the statistics say to read the bitmap."""
    stats = run.kernel.hooks.pmm_stats()
    first, found = stats.first_frame // FRAME, set()
    for index, byte in enumerate(bitmap(run)):
        for place in range(8):
            bit = byte >> (place if stats.bit_order == "lsb" else 7 - place) & 1
            if bit == stats.used_bit:
                found.add(first + index * 8 + place)
    return found


@pytest.mark.parametrize("layout", LAYOUTS)
def test_kv_18_a_bitmap_in_another_layout_says_the_same_to_who_heeds_the_statistics(
    layout,
):
    seen = []
    for config in ({}, {"bitmap_layout": layout}):
        run, hooks = start(NO_LOW_MEMORY, config=config)
        first = hooks.pmm_stats().first_frame // FRAME
        taken = [hooks.pmm_alloc_frame() for _ in range(13)]
        hooks.pmm_free_frame(taken[5])
        taken.append(hooks.pmm_alloc_contiguous(9, 0x4000))
        stats = hooks.pmm_stats()
        used = {number for number in used_frames(run) if number >= 256}
        seen.append((taken, stats.used, stats.total, used, drain(hooks)[-1]))
        assert first == (256 if "cut" in str(config) else 0)
    assert seen[0] == seen[1]


def test_kv_18_a_layout_leaves_other_bits_in_memory():
    plain, other = start("pc4"), start("pc4", config={"bitmap_layout": "msb,inverted"})
    assert bitmap(plain[0]) != bitmap(other[0])
    stats = other[1].pmm_stats()
    assert (stats.bit_order, stats.used_bit) == ("msb", 0)


def test_a_layout_that_does_not_exist_is_refused_with_the_nearest_one():
    run, _ = start("pc4", config={"bitmap_layout": "mbs"})
    assert "did you mean msb?" in run.oops.message
