import pytest

from kernel_sim.checks.log_check import region_of_type
from kernel_sim.checks.log_rules import broken_line, broken_screen
from kernel_sim.values import MemoryRegion, RegionKind

LOW = region_of_type(0x10_0000, 0x7EE_0000, 1)
WIDE = region_of_type(0x1_2345_6000, 0x2_0000_1000, 2)


@pytest.mark.parametrize(
    "line",
    [
        "[0] Base: 0x0000000000100000, Length: 0x0000000007ee0000, Type: Available",
        "0x100000 0x7EE0000 usable",
        "0000000000100000 + 0000000007EE0000 RAM",
        "0x0010_0000 (0x07ee_0000 bytes) is free",
        "length 0x7ee0000 at 0x100000: AVAILABLE\n",
    ],
)
def test_the_format_is_free(line):
    assert broken_line(line, LOW) is None


@pytest.mark.parametrize(
    ("line", "region", "concept"),
    [
        ("Base: 0x1048576, Length: 0x133038080, Available", LOW, "log-hex"),
        ("Base: 0x0000000001048576, Length: 0x0000000133038080, Available", LOW, "log-hex"),
        ("Base: 0x23456000, Length: 0x200001000, Reserved", WIDE, "log-width"),
        ("Base: 0x123456000, Length: 0x1000, Reserved", WIDE, "log-width"),
        ("0x0000000000100000-0x0000000007fdffff Available", LOW, "log-length"),
        ("Base: 0x7ee0000, Length: 0x100000, Available", LOW, "log-base"),
        ("Length: 0x7ee0000, Available", LOW, "log-base"),
        ("Base: 0x100000, Length: 0x7ee0000, Type: 1", LOW, "log-type"),
        ("Base: 0x100000, Length: 0x7ee0000, Unusable", LOW, "log-type"),
        ("Base: 0x100000, Length: 0x7ee0000, not usable", LOW, "log-type"),
        ("Base: 0x123456000, Length: 0x200001000, Available", WIDE, "log-type"),
        ("Base: 0x100000\nLength: 0x7ee0000 Available", LOW, "log-line"),
        ("", LOW, "log-base"),
    ],
)
def test_each_wrong_line_has_its_concept(line, region, concept):
    assert broken_line(line, region).concept == concept


@pytest.mark.parametrize(
    ("number", "word", "good"),
    [
        (3, "ACPI", True),
        (3, "ACPI NVS", False),
        (4, "ACPI_NVS", True),
        (4, "ACPI reclaimable", False),
        (5, "Unusable", True),
        (5, "bad RAM", True),
        (5, "Reserved", False),
        (2, "Reserved (not usable)", True),
        (2, "RegionKind.RESERVED", True),
    ],
)
def test_words_for_the_other_kinds(number, word, good):
    region = region_of_type(0x10_0000, 0x2000, number)
    assert (broken_line(f"0x100000 0x2000 {word}", region) is None) is good


def test_a_region_that_is_not_on_the_screen_is_named():
    rows = ["[0] Base: 0x0000000000100000, Length: 0x0000000007ee0000 Available".ljust(80)]
    assert broken_screen(rows, [LOW]) is None
    other = MemoryRegion(0x20_0000, 0x1000, RegionKind.RESERVED)
    assert "0x200000" in broken_screen(rows, [LOW, other]).problem


def test_a_line_longer_than_a_row_is_read_on():
    text = "x" * 70 + " 0x100000 0x7ee0000 Available"
    rows = [text[:80], text[80:].ljust(80)]
    assert broken_screen(rows, [LOW]) is None
