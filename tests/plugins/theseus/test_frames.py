"""TH-15 to TH-22: the boot frame allocator, the consumed log, and the persistent allocator."""

import pytest

from kernel_sim.boot import boot
from kernel_sim.errors import FrameError, KernelError
from kernel_sim.inspection import AddressSpace, table_frames
from kernel_sim.machine import random_spec
from kernel_sim.values import RegionKind
from kernel_sim_theseus import layout
from kernel_sim_theseus.boot_frame_allocator import BootFrameAllocator
from kernel_sim_theseus.consumed import CAPACITY, ConsumedLog
from kernel_sim_theseus.mapping import RESERVED_FRAMES

PAGE = 0x1000


def state(result, role="pmm"):
    return next(r.view for r in result.host.registrations if role in r.roles).state


def stack_pages(result, name):
    stack = layout.stack(result.kernel, name)
    return stack.start, stack.end


def conventional(result, frame):
    usable = [r for r in result.regions if r.kind is RegionKind.AVAILABLE]
    return any(r.base <= frame and frame + PAGE <= r.end for r in usable)


@pytest.mark.parametrize("seed", range(4))
def test_th_15_only_conventional_memory_is_handed_out(seed):
    result = boot("theseus", random_spec(seed, firmware="uefi"), until="pmm")
    frames = [result.call("pmm_alloc_frame") for _ in range(300)]
    assert all(conventional(result, frame) for frame in frames if frame is not None)
    assert len(set(frames)) == len(frames)
    assert 0 not in frames


def test_th_15_frames_come_in_ascending_order():
    result = boot("theseus", until="pmm")
    frames = [result.call("pmm_alloc_frame") for _ in range(200)]
    assert frames == sorted(frames)


def test_th_16_sixteen_frames_are_kept_for_tables():
    result = boot("theseus", until="paging")
    frames = result.first_frames
    root = result.kernel.root
    assert root == frames[0] + RESERVED_FRAMES * PAGE, "the level 4 table is the 17th"
    tables = table_frames(AddressSpace.of(result.machine)) - {root}
    reserved = {frames[0] + number * PAGE for number in range(RESERVED_FRAMES)}
    assert reserved <= tables | set(state(result, "paging").reserved_frames)


def test_th_17_both_allocators_answer_the_same_call():
    early, late = boot("theseus", until="pmm"), boot("theseus")
    for result in (early, late):
        assert isinstance(result.call("pmm_alloc_frame"), int)
    assert state(early).memory is None
    assert state(late).memory is not None


def test_th_18_every_frame_of_bring_up_is_in_the_log():
    result = boot("theseus", until="heap")
    log = state(result).boot.log
    assert log.tracking
    events = [e.fields for e in result.machine.trace.events]
    taken = [e["result"] for e in events if e.get("hook") == "pmm_alloc_frame"]
    assert taken
    for frame in taken:
        assert any(item.start <= frame < item.end for item in log.ranges)
    assert sum(item.length for item in log.ranges) == PAGE * len(taken)


def test_th_18_ranges_that_touch_become_one_and_the_log_is_drained_once():
    log = ConsumedLog()
    log.record(0, PAGE)
    assert log.ranges == []
    log.enable_tracking()
    for start in (5, 1, 3, 2, 9, 4):
        log.record(start * PAGE, (start + 1) * PAGE)
    log.record(8 * PAGE, 9 * PAGE + 1)
    assert [(r.start // PAGE, r.end // PAGE) for r in log.drain()] == [(1, 6), (8, 10)]
    with pytest.raises(KernelError, match="one drain"):
        log.drain()


def test_th_18_a_log_that_is_full_says_so():
    log = ConsumedLog(tracking=True)
    for number in range(CAPACITY):
        log.record(2 * number * PAGE, (2 * number + 1) * PAGE)
    with pytest.raises(KernelError, match=str(CAPACITY)):
        log.record(2 * CAPACITY * PAGE, (2 * CAPACITY + 1) * PAGE)


def test_th_19_the_persistent_allocator_begins_after_the_permanent_heap():
    result = boot("theseus")
    names = [step.name for step in result.steps]
    assert names.index("heap") < names.index("persistent_allocator")
    logged = [e.fields.get("event") for e in result.machine.trace.events]
    assert logged.index("heap_init") < logged.index("physical_memory")


def test_th_20_nothing_that_bring_up_used_is_handed_out_again():
    result = boot("theseus")
    events = [e.fields for e in result.machine.trace.events]
    taken = {e["result"] for e in events if e.get("hook") == "pmm_alloc_frame"}
    later = {result.call("pmm_alloc_frame") for _ in range(3000)}
    tables = table_frames(AddressSpace.of(result.machine))
    stats = result.call("pmm_stats")
    bitmap = range(stats.bitmap_base, stats.bitmap_base + stats.bitmap_bytes, PAGE)
    freed = {e["arguments"]["frame"] for e in events if e.get("hook") == "pmm_free_frame"}
    assert not later & (taken - freed | tables | set(bitmap))
    image = result.machine.boot_info.kernel
    assert not any(image.start <= frame < image.end for frame in later)


def test_th_20_stacks_tables_and_framebuffer_are_in_the_drained_log():
    result = boot("theseus")
    events = [e.fields for e in result.machine.trace.events]
    drained = [(e["start"], e["end"]) for e in events if e.get("event") == "boot_consumed"]
    handoff = state(result, "paging").manager.handoff
    stacks = [
        result.call("translate", result.kernel.root, page).physical
        for name in (layout.KERNEL_STACK, *layout.IST_STACKS)
        for page in range(*stack_pages(result, name), PAGE)
    ]
    screen = [handoff.framebuffer, handoff.framebuffer + handoff.framebuffer_size - PAGE]
    early = table_frames(AddressSpace.of(boot("theseus", until="heap").machine))
    for frame in (*stacks, *screen, *early):
        assert any(start <= frame < end for start, end in drained), hex(frame)


def test_th_21_the_bitmap_is_sized_from_the_map_lies_in_fresh_frames_and_is_right():
    result = boot("theseus")
    stats, ram = result.call("pmm_stats"), result.machine.ram
    assert conventional(result, stats.bitmap_base)
    count = stats.bitmap_bytes * 8
    last = max(r.end for r in result.regions if r.kind is RegionKind.AVAILABLE)
    assert stats.first_frame + count * PAGE >= last
    assert stats.first_frame + (count - 64) * PAGE <= last
    bits = int.from_bytes(ram.read(stats.bitmap_base, stats.bitmap_bytes), "little")
    clear = {stats.first_frame + n * PAGE for n in range(count) if not bits >> n & 1}
    assert len(clear) == stats.free
    assert all(conventional(result, frame) for frame in clear)


def test_th_21_it_was_zeroed_through_phys_offset():
    result = boot("theseus", stores=True)
    stats = result.call("pmm_stats")
    assert any(s.physical == stats.bitmap_base for s in result.machine.trace.store_log)
    logged = [e.fields.get("event") for e in result.machine.trace.events]
    assert logged.index("phys_offset_active") < logged.index("bitmap_storage")


def test_th_22_frames_are_taken_and_given_back():
    result = boot("theseus")
    before = result.call("pmm_stats")
    frames = [result.call("pmm_alloc_frame") for _ in range(50)]
    assert result.call("pmm_stats").free == before.free - 50
    for frame in frames:
        result.call("pmm_free_frame", frame)
    assert result.call("pmm_stats") == before
    assert result.call("pmm_alloc_frame") == frames[0]


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (0x200_0001, "MISALIGNED"),
        (1 << 45, "OUT_OF_RANGE"),
        (0x80_0000, "RESERVED"),
        (0xE40_0000, "DOUBLE_FREE"),
    ],
)
def test_th_22_what_is_not_in_use_is_not_taken_back(frame, reason):
    result = boot("theseus")
    before = result.call("pmm_stats")
    with pytest.raises(FrameError) as refused:
        result.call("pmm_free_frame", frame)
    assert refused.value.reason == reason
    assert result.call("pmm_stats") == before


def test_th_22_during_bring_up_nobody_takes_frames_back():
    result = boot("theseus", until="pmm")
    frame = result.call("pmm_alloc_frame")
    with pytest.raises(FrameError, match="persistent"):
        result.call("pmm_free_frame", frame)


def test_a_run_of_frames_passes_over_what_is_too_short():
    from kernel_sim_kernel_v.frame_ranges import FrameRange  # noqa: PLC0415 - to make ranges

    allocator = BootFrameAllocator([FrameRange(1, 3), FrameRange(8, 20)])
    assert allocator.free == 14
    assert allocator.allocate_run(4) == 8 * PAGE
    assert allocator.free == 8
    assert allocator.allocate_run(9) is None
    assert allocator.allocate_frame() is None
