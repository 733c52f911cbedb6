"""What is reserved before the frame allocator starts."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kernel_sim.host.reservation import bitmap_area, reserved_ranges, usable_frames
from kernel_sim.machine import Machine, machine_spec
from kernel_sim.values import AddrRange, BootInfo, MemoryRegion, RegionKind

LOW = BootInfo("e820", 0x5000, 6, 24, AddrRange(0x10000, 0x24000), AddrRange(0x9BB00, 0x9FB00))
HIGH = BootInfo(
    "e820", 0x30_0010, 6, 24, AddrRange(0x20_0800, 0x21_4000), AddrRange(0x21_4000, 0x21_8001)
)


def free(start, end):
    return MemoryRegion(start, end - start, RegionKind.AVAILABLE, 1)


def test_everything_of_kernel_v_lies_in_the_first_mib():
    assert reserved_ranges(LOW) == [AddrRange(0, 0x10_0000)]


def test_ranges_above_are_rounded_outward_and_merged():
    assert reserved_ranges(HIGH) == [
        AddrRange(0, 0x10_0000),
        AddrRange(0x20_0000, 0x21_9000),
        AddrRange(0x30_0000, 0x30_1000),
    ]


def test_the_bitmap_lies_at_kernel_vs_place_if_that_is_free():
    regions = [free(0, 0x9FC00), free(0x10_0000, 0x800_0000)]
    assert bitmap_area(regions, LOW, 0x7FE_0000) == AddrRange(0x9_0000, 0x9_1000)


def test_the_bitmap_moves_where_it_does_not_fit():
    regions = [free(0, 0x9FC00), free(0x10_0000, 0xC000_0000)]
    assert bitmap_area(regions, LOW, 0xC000_0000) == AddrRange(0x2_4000, 0x3_C000)


def test_there_is_no_area_if_the_first_mib_has_no_room():
    assert bitmap_area([free(0, 0x1800), free(0x10_0000, 0x80_0000)], LOW, 0x80_0000) is None


def test_usable_frames_join_adjacent_regions_before_rounding():
    assert usable_frames([free(0, 0x1800), free(0x1800, 0x3000)], 0x10_0000) == 3
    assert usable_frames([free(0, 0x1800), free(0x1801, 0x3000)], 0x10_0000) == 2


def test_usable_frames_end_at_the_limit():
    assert usable_frames([free(0, 0x10_0000)], 0x8000) == 8


@given(
    kernel=st.integers(0, 1 << 30),
    stack=st.integers(0, 1 << 30),
    sizes=st.tuples(st.integers(1, 1 << 16), st.integers(1, 1 << 16)),
)
def test_reserved_ranges_cover_everything_and_are_sorted_and_apart(kernel, stack, sizes):
    info = BootInfo(
        "e820",
        0x5000,
        3,
        24,
        AddrRange(kernel, kernel + sizes[0]),
        AddrRange(stack, stack + sizes[1]),
    )
    ranges = reserved_ranges(info)
    assert all(item.start % 4096 == item.end % 4096 == 0 for item in ranges)
    assert all(a.end < b.start for a, b in pairwise(ranges))
    for wanted in (info.kernel, info.stack):
        assert any(item.start <= wanted.start and wanted.end <= item.end for item in ranges)


def test_nothing_that_the_firmware_wrote_lies_in_the_bitmaps_area():
    for name in ("pc4", "pc128", "pc-nasty"):
        machine = Machine(machine_spec(name))
        info = machine.power_on()
        regions = [free(0, 0x9F000), free(0x10_0000, machine.physical_limit)]
        area = bitmap_area(regions, info, machine.physical_limit)
        table = AddrRange(info.table, info.table + info.count * info.entry_size)
        assert area is not None
        assert not any(area.overlaps(item) for item in (info.kernel, info.stack, table))
