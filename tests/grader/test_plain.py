"""Values of the hooks cross the boundary unchanged, and nothing else does."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_sim.checks.bench import Ref
from kernel_sim.hookspecs import ROLE_HOOKS
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import (
    AddrRange,
    BootInfo,
    FaultAction,
    FrameStats,
    GuardKind,
    GuardRequest,
    MapRequest,
    MemoryRegion,
    RegionKind,
    Translation,
)
from kernel_sim_grader.plain import MismatchError, extension, flatten, hook_types, restore

NX = PageTableFlags.PRESENT | PageTableFlags.NO_EXECUTE
SAMPLES = [
    (None, None),
    (None, int | None),
    (1 << 40, int | None),
    ("text", str),
    ([MemoryRegion((1 << 64) - 1, 1 << 64, RegionKind.ACPI_NVS, 4)], list[MemoryRegion]),
    (AddrRange(0, 1 << 64), AddrRange),
    (Translation(1 << 51, NX, 4096), Translation),
    (MapRequest(AddrRange(0, 4096), 0, NX, "image"), MapRequest),
    (FrameStats(9, 4, 5, 0x1000, 2, "lsb", 1, 0), FrameStats),
    (GuardRequest(GuardKind.HEAP, 8192, "tag"), GuardRequest),
    (FaultAction.RETRY, FaultAction | None),
    ([(AddrRange(1, 2), "a")], list[tuple[AddrRange, str]]),
    (
        BootInfo("e820", 1, 2, 24, AddrRange(1, 2), AddrRange(3, 4), {"idt": 5}, None, None),
        BootInfo,
    ),
]


def across(value):
    decoder = msgspec.msgpack.Decoder(ext_hook=extension)
    return decoder.decode(msgspec.msgpack.encode(flatten(value)))


@pytest.mark.parametrize(("value", "hint"), SAMPLES, ids=lambda item: str(item)[:30])
def test_a_value_arrives_equal_and_of_its_type(value, hint):
    arrived = restore(across(value), hint)
    assert arrived == value
    assert type(arrived) is type(value)


@given(st.integers(min_value=-(1 << 200), max_value=1 << 200))
def test_integers_of_any_length_arrive(number):
    assert restore(across(number), int) == number


def test_a_reference_to_an_earlier_result_arrives():
    assert restore(across(Ref(3)), int) == Ref(3)


def test_an_integer_that_equals_everything_becomes_a_plain_one():
    class Everything(int):
        __hash__ = int.__hash__

        def __eq__(self, other):
            return True

    arrived = across(Everything(5))
    assert type(arrived) is int
    assert arrived != 6


@pytest.mark.parametrize("value", [object(), 1j, lambda: 0, 1 << 9000, [object()]])
def test_what_no_hook_knows_does_not_leave(value):
    with pytest.raises(MismatchError):
        flatten(value)


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        ("1", int),
        (True, int),
        (1.0, int),
        (1, str),
        ([1], list[str]),
        ({}, list[int]),
        (9, RegionKind),
        ([], MemoryRegion),
        ({"base": 1}, MemoryRegion),
        ({"base": 1, "length": 1, "kind": 0, "type": 1, "more": 2}, MemoryRegion),
        ({"start": 2, "end": 1}, AddrRange),
        (0, None),
        ("x", int | None),
        ([[1]], list[tuple[int, int]]),
    ],
)
def test_data_of_another_type_is_refused(data, hint):
    with pytest.raises(MismatchError):
        restore(data, hint)


@pytest.mark.parametrize("code", [1, 2, 3])
def test_an_extension_that_is_none_is_refused(code):
    with pytest.raises(MismatchError):
        extension(code, memoryview(bytes(2000)))


@pytest.mark.parametrize("hook", [hook for hooks in ROLE_HOOKS.values() for hook in hooks])
def test_every_hook_has_types_that_can_be_restored(hook):
    parameters, result = hook_types(hook)
    assert all(hint is not object for hint in (*parameters, result))


def test_a_hook_that_does_not_exist_has_no_types():
    with pytest.raises(MismatchError, match="no hook"):
        hook_types("os")
