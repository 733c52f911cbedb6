"""A machine before the kernel runs, and its bytes."""

import pytest

from kernel_sim.errors import InputError
from kernel_sim.notebook import dump, power_on


def test_a_machine_is_handed_over_with_its_tables_written():
    machine = power_on("pc128")
    assert machine.cpu.load(0x2004, 2) == machine.boot_info.count == 6


def test_a_field_of_the_description_can_be_changed():
    assert power_on("pc128", entry_size=20).boot_info.entry_size == 20


def test_a_field_that_does_not_exist_is_answered_in_one_line():
    with pytest.raises(InputError, match="no colour"):
        power_on("pc128", colour="red")


def test_the_dump_of_an_entry_shows_one_field_to_a_line():
    shown = dump(power_on("pc128"), 0x5018, 24).text()
    assert shown.splitlines() == [
        "0x00005018  00 fc 09 00 00 00 00 00  ........",
        "0x00005020  00 04 00 00 00 00 00 00  ........",
        "0x00005028  02 00 00 00 01 00 00 00  ........",
    ]
