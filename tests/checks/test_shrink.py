from kernel_sim.checks.firmware_map import FirmwareMap, Row
from kernel_sim.checks.map_shrink import smallest_map
from kernel_sim.checks.shrink import Attempts, fewest, simplest


def test_only_what_is_needed_is_left():
    items = list(range(100))
    left = fewest(items, lambda part: {13, 77} <= set(part), Attempts(1000))
    assert list(left) == [13, 77]


def test_no_single_item_can_be_left_out():
    def fails(part):
        return sum(part) >= 50

    left = fewest([7] * 20, fails, Attempts(1000))
    assert fails(left)
    assert not fails(left[1:])


def test_shrinking_ends_with_the_attempts():
    asked = []

    def fails(part):
        asked.append(part)
        return True

    fewest(range(1000), fails, Attempts(5))
    assert len(asked) == 5


def test_the_simplest_number_that_fails_is_found():
    def simpler(number):
        yield number // 2
        yield number - 1

    assert simplest(1000, simpler, lambda n: n >= 17, Attempts(1000)) == 17


def test_a_map_shrinks_to_one_entry_with_a_round_address_and_memory_to_boot_from():
    rows = [Row(0, 0x9_FC00), Row(0x10_0000, 0x123_4000), Row(0x5_4321_0000, 0x6789_1000, 2)]
    rows += [Row(0x800_0000 + k * 0x10_0000, 0x8000, 2) for k in range(8)]
    asked = []

    def fails(given):
        asked.append(given)
        return any(row.base >> 32 for row in given.rows)

    small = smallest_map(FirmwareMap(tuple(rows)), fails)
    assert small.rows == (Row(0x10_0000, 0x10_0000), Row(0x1_0000_0000, 0x1000, 2))
    assert all(given.boots() for given in asked)


def test_a_count_shrinks_to_the_least_that_fails():
    rows = Row(0x10_0000, 0x70_0000), Row(0x1000_0000, 0x1000, 1, count=700, step=0x2000)
    small = smallest_map(FirmwareMap(rows), lambda given: len(given.entries()) >= 257)
    assert len(small.entries()) == 257
