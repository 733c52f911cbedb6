"""The plugin in its kernel: ``python -m pytest`` in this folder."""

import random

import buddy_frames
import pytest

from kernel_sim import AddrRange, FrameError
from kernel_sim.boot import boot

FRAME = 4096


@pytest.fixture(params=["pc4", "pc128", "pc-nasty"])
def run(request):
    result = boot("kernel-v", machine=request.param, roles={"pmm": buddy_frames})
    assert result.oops is None, result.oops
    return result


def test_the_kernel_boots_with_it(run):
    assert [test for test in run.selftests if not test.passed] == []
    assert "buddy_frames" in {test.name for test in run.selftests}


def test_it_counts_the_usable_frames_as_the_reference_does(run):
    reference = boot("kernel-v", machine=run.machine.spec)
    assert run.call("pmm_stats").total == reference.call("pmm_stats").total


def test_adjacent_frames_are_aligned_and_belong_to_nobody_else(run):
    owned = set()
    for count, align in ((1, FRAME), (3, FRAME), (5, 0x4000), (16, 0x1_0000)):
        first = run.call("pmm_alloc_contiguous", count, align)
        frames = set(range(first, first + count * FRAME, FRAME))
        assert first % align == 0
        assert not owned & frames
        owned |= frames


def test_what_is_given_back_in_any_order_is_whole_again(run):
    before = run.call("pmm_stats").free
    frames = []
    while (frame := run.call("pmm_alloc_frame")) is not None:
        frames.append(frame)
        if len(frames) == 2000:
            break
    assert len(set(frames)) == len(frames)
    largest = run.call("pmm_alloc_contiguous", 64, FRAME)
    random.Random(1).shuffle(frames)
    for frame in frames:
        run.call("pmm_free_frame", frame)
    for number in range(0 if largest is None else 64):
        run.call("pmm_free_frame", largest + number * FRAME)
    assert run.call("pmm_stats").free == before
    assert run.call("pmm_alloc_contiguous", 64, FRAME) is not None


@pytest.mark.parametrize(("frame", "reason"), [(1, "MISALIGNED"), (1 << 45, "OUT_OF_RANGE")])
def test_a_frame_that_is_none_is_refused(run, frame, reason):
    with pytest.raises(FrameError) as refused:
        run.call("pmm_free_frame", frame)
    assert refused.value.reason == reason


def test_a_frame_is_not_taken_back_twice(run):
    frame = run.call("pmm_alloc_frame")
    run.call("pmm_free_frame", frame)
    with pytest.raises(FrameError) as refused:
        run.call("pmm_free_frame", frame)
    assert refused.value.reason == "DOUBLE_FREE"


def test_ranges_lose_what_is_taken():
    free = buddy_frames.without(
        [range(10), range(20, 30)], [range(2, 4), range(3, 6), range(25, 99)]
    )
    assert free == [range(2), range(6, 10), range(20, 25)]


def test_bitmaps_that_fit_nowhere_are_refused():
    with pytest.raises(FrameError, match="adjacent available memory"):
        buddy_frames.place(AddrRange(0, 16), 8192, [range(4, 5)])
