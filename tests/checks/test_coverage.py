from random import Random

import pytest

from kernel_sim.checks.coverage import (
    HOLE,
    KINDS_OF_UNKNOWN,
    claims_of,
    kinds_of_type,
    stretches,
)
from kernel_sim.checks.firmware_map import FirmwareMap
from kernel_sim.values import RegionKind

A, R, U = RegionKind.AVAILABLE, RegionKind.RESERVED, RegionKind.UNUSABLE


def answers_at(text, address):
    given = FirmwareMap.parse(text)
    for stretch in stretches(claims_of(given.entries(), given.entry_size)):
        if stretch.start <= address < stretch.end:
            return stretch.answers
    raise AssertionError(address)


@pytest.mark.parametrize(
    ("number", "kinds"),
    [
        (1, {A}),
        (2, {R}),
        (3, {RegionKind.ACPI_RECLAIMABLE}),
        (4, {RegionKind.ACPI_NVS}),
        (5, {U}),
        (7, {R, U, RegionKind.PERSISTENT}),
        (12, {R, U, RegionKind.PERSISTENT}),
        (0, {R, U}),
        (6, {R, U}),
        (0xFFFF_FFFF, {R, U}),
    ],
)
def test_each_type_has_its_kinds(number, kinds):
    assert kinds_of_type(number) == kinds


def test_no_type_but_1_is_ever_available():
    assert all(A not in kinds_of_type(number) for number in range(300) if number != 1)


def test_the_strictest_of_two_entries_wins_in_either_order():
    for text in ("24 0x0+0x4000:1 0x1000+0x1000:2", "24 0x1000+0x1000:2 0x0+0x4000:1"):
        assert answers_at(text, 0x1000) == {R}
        assert answers_at(text, 0x2000) == {A}


def test_an_unknown_type_over_reserved_memory_leaves_both_choices():
    assert answers_at("24 0x0+0x1000:2 0x0+0x1000:6", 0) == KINDS_OF_UNKNOWN


def test_an_unknown_type_under_bad_memory_is_bad_memory():
    assert answers_at("24 0x0+0x1000:6 0x0+0x1000:5", 0) == {U}


def test_what_nobody_describes_may_be_left_out_or_reserved():
    assert answers_at("24 0x0+0x1000:1", 0x1000) == HOLE


def test_empty_and_switched_off_entries_claim_nothing():
    assert answers_at("24 0x0+0x0:1 0x0+0x1000:1!0x0 0x0+0x1000:1!0x2", 0) == HOLE


def test_short_entries_have_no_attributes():
    assert answers_at("20 0x0+0x1000:1!0x0", 0) == {A}


def test_a_wrapping_entry_may_be_cut_or_rejected():
    top = 0xFFFF_FFFF_FFFF_F000
    assert answers_at(f"24 {top:#x}+0x2000:1", top) == HOLE | {A}
    assert answers_at(f"24 {top:#x}+0x2000:1", 0) == HOLE


def test_the_model_agrees_with_looking_at_single_addresses():
    rng = Random(7)
    for _ in range(50):
        rows = [
            f"{rng.randrange(64):#x}+{rng.randrange(20):#x}:{rng.choice((1, 2, 3, 4, 5))}"
            for _ in range(rng.randrange(1, 7))
        ]
        given = FirmwareMap.parse(f"24 {' '.join(rows)}")
        for stretch in stretches(claims_of(given.entries(), 24)):
            for address in {stretch.start, min(stretch.end, 200) - 1}:
                covering = [
                    min(kinds_of_type(entry.type))
                    for entry in given.entries()
                    if entry.base <= address < entry.base + entry.length
                ]
                assert stretch.answers == ({max(covering)} if covering else HOLE)
