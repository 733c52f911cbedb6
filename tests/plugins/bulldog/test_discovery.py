"""BD-19, C9: rounding of what the map describes, against a count frame by frame."""

from hypothesis import given
from hypothesis import strategies as st

from kernel_sim.values import AddrRange, MemoryRegion, RegionKind
from kernel_sim_bulldog import discovery

FRAME = 0x1000
LIMIT = 40 * FRAME
EDGES = st.lists(st.integers(0, LIMIT), min_size=2, max_size=12, unique=True).map(sorted)
KINDS = st.lists(st.sampled_from([RegionKind.AVAILABLE, RegionKind.RESERVED, None]), min_size=11)
RESERVED = st.lists(st.tuples(st.integers(0, LIMIT), st.integers(1, 3 * FRAME)), max_size=4)


def regions_of(edges, kinds):
    """Regions between neighbouring edges; where the kind is None there is a hole."""
    return [
        MemoryRegion(start, end - start, kind)
        for start, end, kind in zip(edges, edges[1:], kinds, strict=False)
        if kind is not None
    ]


def numbers(ranges):
    return [number for item in ranges for number in range(item.first, item.end)]


def covered(frame, regions):
    """How many bytes of frame number ``frame`` lie in ``regions``."""
    start, end = frame * FRAME, (frame + 1) * FRAME
    return sum(max(0, min(end, item.end) - max(start, item.base)) for item in regions)


@given(EDGES, KINDS, RESERVED)
def test_bd_19_usable_is_whole_and_no_byte_of_it_is_reserved(edges, kinds, reserved):
    regions = regions_of(edges, kinds)
    taken = [AddrRange(start, start + size) for start, size in reserved]
    free = [item for item in regions if item.kind is RegionKind.AVAILABLE]
    assert numbers(discovery.usable(regions, taken)) == [
        frame
        for frame in range(LIMIT // FRAME + 1)
        if covered(frame, free) == FRAME
        and not any(item.overlaps(AddrRange(frame * FRAME, (frame + 1) * FRAME)) for item in taken)
    ]


@given(EDGES, KINDS)
def test_c9_discovered_is_every_whole_frame_that_the_map_describes(edges, kinds):
    regions = regions_of(edges, kinds)
    assert numbers(discovery.discovered(regions)) == [
        frame for frame in range(LIMIT // FRAME + 1) if covered(frame, regions) == FRAME
    ]


def test_c8_only_frames_from_1_mib_to_1_gib_above_it_are_tracked():
    whole = [discovery.FrameRange(0, 0x50), discovery.FrameRange(0x80, 0x5_0000)]
    assert discovery.tracked(whole) == [(0x100, 0x4_0100)]
    assert discovery.count(discovery.tracked(whole)) == 262_144
