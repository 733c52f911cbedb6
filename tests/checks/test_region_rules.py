import pytest

from kernel_sim.checks.coverage import claims_of, stretches
from kernel_sim.checks.firmware_map import FirmwareMap
from kernel_sim.checks.region_picture import table_picture
from kernel_sim.checks.region_rules import broken_rule
from kernel_sim.values import MemoryRegion, RegionKind

A, R, U = RegionKind.AVAILABLE, RegionKind.RESERVED, RegionKind.UNUSABLE
GIVEN = FirmwareMap.parse("24 0x1000+0x2000:1 0x3000+0x1000:2 0x8000+0x1000:1")
EXPECTED = list(stretches(claims_of(GIVEN.entries(), 24)))
RIGHT = [
    MemoryRegion(0x1000, 0x2000, A),
    MemoryRegion(0x3000, 0x1000, R),
    MemoryRegion(0x8000, 0x1000, A),
]


def rule(*regions):
    violation = broken_rule(EXPECTED, regions)
    return violation.rule if violation else None


def test_the_right_table_breaks_no_rule():
    assert rule(*RIGHT) is None


def test_regions_may_be_cut_anywhere():
    halves = MemoryRegion(0x1000, 0x800, A), MemoryRegion(0x1800, 0x1800, A)
    assert rule(*halves, *RIGHT[1:]) is None


def test_a_hole_may_be_kept_as_reserved():
    assert rule(MemoryRegion(0, 0x1000, R), *RIGHT) is None
    assert rule(*RIGHT[:2], MemoryRegion(0x4000, 0x4000, R), RIGHT[2]) is None
    assert rule(*RIGHT, MemoryRegion(0x9000, 0x1_0000, U)) is None


def test_a_part_of_a_hole_is_invented():
    assert rule(*RIGHT[:2], MemoryRegion(0x4000, 0x1000, R), RIGHT[2]) == "invented"
    assert rule(*RIGHT, MemoryRegion(0xA000, 0x1000, R)) == "invented"


def test_a_hole_is_never_available():
    assert rule(*RIGHT[:2], MemoryRegion(0x4000, 0x4000, A), RIGHT[2]) == "free"


@pytest.mark.parametrize(
    ("regions", "broken"),
    [
        (RIGHT[:2], "missing"),
        ([RIGHT[0], MemoryRegion(0x3000, 0x1000, A), RIGHT[2]], "free"),
        ([RIGHT[0], MemoryRegion(0x3000, 0x1000, U), RIGHT[2]], "kind"),
        ([RIGHT[2], *RIGHT[:2]], "sorted"),
        ([MemoryRegion(0x1000, 0x3000, A), *RIGHT[1:]], "disjoint"),
        ([*RIGHT, MemoryRegion(0x9000, 0, A)], "empty"),
        ([*RIGHT, MemoryRegion(0x9000, 1 << 64, R)], "beyond"),
        ([], "missing"),
    ],
)
def test_each_broken_rule_is_named(regions, broken):
    assert rule(*regions) == broken


def test_memory_wrongly_free_is_worse_than_memory_missing():
    assert rule(MemoryRegion(0x3000, 0x1000, A)) == "free"


def test_a_table_that_is_full_may_drop_rows():
    bases = range(0x10000, 0x80000, 0x2000)
    given = FirmwareMap.parse("24 " + " ".join(f"{base:#x}+0x1000:2" for base in bases))
    expected = list(stretches(claims_of(given.entries(), 24)))
    table = [MemoryRegion(base, 0x1000, R) for base in bases]
    assert broken_rule(expected, table[:-1]).rule == "missing"
    assert broken_rule(expected, table[:32], may_drop=True) is None
    assert broken_rule(expected, table[:31], may_drop=True).rule == "missing"


def test_a_table_that_is_full_may_not_free_what_it_drops():
    bases = range(0x10000, 0x80000, 0x2000)
    given = FirmwareMap.parse("24 " + " ".join(f"{base:#x}+0x1000:2" for base in bases))
    expected = list(stretches(claims_of(given.entries(), 24)))
    table = [MemoryRegion(base, 0x1000, R) for base in bases[:40]]
    freed = [*table, MemoryRegion(bases[40], 0x1000, A)]
    assert broken_rule(expected, freed, may_drop=True).rule == "free"


def test_the_picture_marks_what_is_wrong():
    picture = table_picture(EXPECTED, [RIGHT[0], MemoryRegion(0x3000, 0x1000, A), RIGHT[2]])
    assert [line[0] for line in picture.splitlines()] == [" ", " ", "!", " "]
    assert "Reserved" in picture.splitlines()[2]
