"""What a hook may return: the contract's types, things like them, and refusals of the rest."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from kernel_sim.host.results import RESULTS, WrongResult
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import (
    AddrRange,
    FrameStats,
    HeapStats,
    MemoryRegion,
    RegionKind,
    SelfTestResult,
    Translation,
)

REGION = MemoryRegion(0x1000, 0x2000, RegionKind.RESERVED, 2)


@dataclass
class OwnRegion:
    base: int
    length: int
    kind: RegionKind
    type: int = 0


class Index:
    def __index__(self):
        return 0x4000


@pytest.mark.parametrize(
    "region",
    [
        REGION,
        (0x1000, 0x2000, RegionKind.RESERVED, 2),
        [0x1000, 0x2000, "RESERVED", 2],
        {"base": 0x1000, "length": 0x2000, "kind": RegionKind.RESERVED, "type": 2},
        OwnRegion(0x1000, 0x2000, RegionKind.RESERVED, 2),
        SimpleNamespace(base=0x1000, length=0x2000, kind=4, type=2),
    ],
)
def test_a_region_may_be_anything_with_the_right_parts(region):
    assert RESULTS["parse_memory_map"]([region]) == [REGION]


def test_a_region_without_a_type_has_type_0():
    assert RESULTS["parse_memory_map"]([(0, 16, RegionKind.AVAILABLE)]) == [
        MemoryRegion(0, 16, RegionKind.AVAILABLE, 0)
    ]


def test_a_generator_of_regions_becomes_a_list():
    assert RESULTS["parse_memory_map"](item for item in (REGION, REGION)) == [REGION, REGION]


@pytest.mark.parametrize("hook", ["pmm_alloc_frame", "kmalloc", "pmm_alloc_contiguous"])
def test_an_allocation_may_be_an_address_or_none(hook):
    assert RESULTS[hook](0x5000) == 0x5000
    assert RESULTS[hook](None) is None
    assert RESULTS[hook](Index()) == 0x4000


@pytest.mark.parametrize(
    ("hook", "value", "message"),
    [
        ("pmm_alloc_frame", 4096.0, "returned 4096.0 (float), expected an address (int) or None"),
        ("pmm_alloc_frame", True, "returned True (bool), expected an address (int) or None"),
        ("pmm_alloc_frame", -4096, "expected an address (int) or None, not a negative one"),
        (
            "pmm_stats",
            (9, 12, -3, 0, 8, "lsb", 1, 0),
            "free = -3 (int), expected a number (int), not",
        ),
        ("pmm_alloc_frame", "0x1000", "returned '0x1000' (str)"),
        ("init_paging", None, "returned None, expected an address (int); is a return statement"),
        ("describe_region", b"x", "returned b'x' (bytes), expected a str"),
        ("parse_memory_map", None, "returned None, expected a list of MemoryRegion"),
        ("parse_memory_map", "abc", "expected a list of MemoryRegion"),
        ("parse_memory_map", [REGION, (1, 2)], "a list whose item 1 is (1, 2) (tuple)"),
        ("parse_memory_map", [(0, 1.5, "AVAILABLE")], "MemoryRegion with length = 1.5 (float)"),
        ("parse_memory_map", [(0, 1, "FREE")], "with kind = 'FREE' (str), expected a RegionKind"),
        ("parse_memory_map", [(0, 1, 9)], "expected a RegionKind"),
        ("parse_memory_map", [(0, 1, RegionKind.AVAILABLE, 1, 1)], "expected a MemoryRegion("),
        ("pmm_stats", (1, 2, 3), "expected a FrameStats("),
        ("pmm_stats", (1, 1, 0, 0, 1, "middle", 1, 0), "'lsb' or 'msb'"),
        ("pmm_stats", (1, 1, 0, 0, 1, "lsb", 2, 0), "with used_bit = 2 (int), expected 0 or 1"),
        ("page_fault", "RETRY", "expected FaultAction.RETRY, KILL or PANIC, or None"),
        ("page_fault", True, "returned True (bool)"),
        ("region_tags", [("dma", AddrRange(0, 1))], "a list whose item 0 is"),
        ("region_tags", [((5, 1), "dma")], "no valid AddrRange"),
        ("selftest", ("name", "yes"), "with passed = 'yes' (str), expected True or False"),
        ("boot_sequence", "console", "expected a list of step names"),
    ],
)
def test_a_wrong_result_says_what_came_and_what_was_expected(hook, value, message):
    with pytest.raises(WrongResult) as caught:
        RESULTS[hook](value)
    assert message in str(caught.value)


def test_hooks_without_a_result_may_return_anything():
    assert RESULTS["pmm_free_frame"]("anything") is None


def test_records_come_from_tuples_too():
    assert RESULTS["pmm_stats"]((5, 2, 3, 0x90000, 1, "msb", False, 0)) == FrameStats(
        5, 2, 3, 0x90000, 1, "msb", 0, 0
    )
    assert RESULTS["heap_stats"]((1, 2, 3)) == HeapStats(1, 2, 3)
    assert RESULTS["translate"]((0x1234, 3, 4096)) == Translation(
        0x1234, PageTableFlags.PRESENT | PageTableFlags.WRITABLE, 4096
    )
    assert RESULTS["selftest"](("pmm", 1)) == SelfTestResult("pmm", passed=True)


def test_an_object_that_equals_everything_is_no_bit_order():
    class Equal:
        def __eq__(self, other):
            return True

        __hash__ = None

    with pytest.raises(WrongResult):
        RESULTS["pmm_stats"]((1, 1, 0, 0, 1, Equal(), 1, 0))


def test_long_values_are_cut_in_the_message():
    with pytest.raises(WrongResult) as caught:
        RESULTS["pmm_alloc_frame"]("x" * 500)
    assert len(str(caught.value)) < 160
