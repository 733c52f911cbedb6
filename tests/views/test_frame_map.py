"""The frame map against a model that looks at every frame."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.values import FrameStats
from kernel_sim.views.frame_bits import FrameBits, is_readable
from kernel_sim.views.frame_map import MAX_CELLS, FrameMap, Span, Window
from kernel_sim.views.frame_use import MIXED, USE_LOOKS, FrameUse, use_of_tag

USES = st.sampled_from([FrameUse.AVAILABLE, FrameUse.HOLE, FrameUse.RESERVED, FrameUse.KERNEL])


@st.composite
def maps(draw: st.DrawFn) -> FrameMap:
    count = draw(st.integers(1, 2000))
    edges = sorted({0, count, *draw(st.lists(st.integers(1, count), max_size=6))})
    spans = [Span(a, b, draw(USES), f"owner {a}") for a, b in pairwise(edges)]
    data = draw(st.sampled_from([b"\0", b"\xff", b"\x0f\x80"])) * 300
    return FrameMap("a map", count, tuple(spans), FrameBits(data[: -(-count // 8)]))


def uses(frames: FrameMap, first: int, end: int) -> list[FrameUse]:
    """The use of each frame, asked one at a time."""
    return [frames.frame(number).use for number in range(first, min(end, frames.frame_count))]


@given(maps(), st.integers(0, 1990), st.integers(15, 19))
def test_a_cell_says_what_its_frames_are(frames: FrameMap, start: int, bits: int):
    window = Window(start >> bits - 15 << bits - 15, bits)
    size = 1 << window.shift
    cells = frames.cells(window)
    for number, cell in enumerate(cells):
        inside = uses(frames, window.first + number * size, window.first + (number + 1) * size)
        free_and_used = {FrameUse.FREE, FrameUse.USED} == set(inside)
        if len(set(inside)) == 1:
            assert cell == inside[0]
        elif free_and_used and not cell & MIXED:
            assert cell == FrameUse.PARTLY
        else:
            assert cell & MIXED
            assert cell & ~MIXED in {*inside, FrameUse.PARTLY}
    shown = max(frames.frame_count - window.first, 0)
    assert len(cells) == min(-(-shown // size), MAX_CELLS)


@pytest.mark.parametrize("gib", [1, 64])
def test_however_much_memory_there_is_the_whole_of_it_fits(gib: int):
    count = gib << 18
    frames = FrameMap(
        "big", count, (Span(0, count, FrameUse.AVAILABLE, "a"),), FrameBits(bytes(count // 8))
    )
    cells = frames.cells(frames.whole)
    assert len(cells) == MAX_CELLS
    assert set(cells) == {FrameUse.FREE}
    assert frames.whole.columns == 256


@given(
    st.binary(min_size=1, max_size=20),
    st.sampled_from(["lsb", "msb"]),
    st.integers(0, 1),
    st.integers(0, 20),
)
def test_bits_are_read_in_either_order_and_sense(data: bytes, order: str, used: int, first: int):
    stats = FrameStats(0, 0, 0, 0, len(data), order, used, first * PAGE_SIZE)
    bits = FrameBits.of(stats, data)
    for number in range(len(data) * 8):
        shift = number % 8 if order == "lsb" else 7 - number % 8
        expected = (data[number // 8] >> shift & 1) == used
        assert bits.count(first + number, first + number + 1) == expected
    assert bits.count(0, first) == 0


def test_nonsense_of_an_allocator_is_not_read():
    good = FrameStats(1, 0, 1, 0x1000, 16, "lsb", 1, 0)
    assert is_readable(good)
    for wrong in (
        FrameStats(1, 0, 1, -1, 16, "lsb", 1, 0),
        FrameStats(1, 0, 1, 0x1000, 1 << 60, "lsb", 1, 0),
        FrameStats(1, 0, 1, 0x1000, 16, "both", 1, 0),
        FrameStats(1, 0, 1, 0x1000, 16, "lsb", 2, 0),
        None,
        "a string",
    ):
        assert not is_readable(wrong)


def test_the_text_form_counts_and_lists():
    spans = (
        Span(0, 16, FrameUse.AVAILABLE, "available", ("dma-safe",)),
        Span(16, 20, FrameUse.HEAP, "heap"),
    )
    text = FrameMap("pc", 20, spans, FrameBits(b"\x07\x00")).text()
    assert "pc: 20 frames of 4 KiB" in text
    assert "free 13, used 3, heap 4" in text
    assert "0x0000000000000000  64 KiB      A available [dma-safe], 3 of 16 frames used" in text


def test_no_two_uses_look_alike():
    for a, b in combinations(USE_LOOKS.values(), 2):
        assert a.letter != b.letter
        assert (a.color, a.pattern) != (b.color, b.pattern)


def test_tags_that_name_no_owner_are_only_tags():
    assert use_of_tag("guarded:kernel stack") is FrameUse.GUARDED
    assert use_of_tag("dma-safe") is None
