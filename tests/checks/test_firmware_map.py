import pytest

from kernel_sim.checks.firmware_map import FirmwareMap, Row
from kernel_sim.errors import InputError
from kernel_sim.machine import FirmwareEntry, machine_spec

MAP = FirmwareMap(
    (
        Row(0x10_0000, 0x70_0000),
        Row(0x100_0000, 0x1000, 0xFFFF_FFFF, attributes=3),
        Row(0x200_0000, 0x1000, 2, count=300, step=0x2000),
    ),
    entry_size=20,
)


def test_the_text_form_is_read_back():
    assert FirmwareMap.parse(str(MAP)) == MAP


def test_the_json_form_is_read_back():
    assert FirmwareMap.from_json(MAP.as_json()) == MAP


def test_a_row_may_stand_for_many_entries():
    entries = MAP.entries()
    assert len(entries) == 302
    assert entries[3] == FirmwareEntry(0x200_2000, 0x1000, 2)


def test_a_machine_and_its_map_hold_the_same_entries():
    spec = machine_spec("pc-nasty")
    assert FirmwareMap.of(spec).spec().entries == spec.entries


def test_only_a_map_with_memory_boots():
    assert MAP.boots()
    assert not FirmwareMap((Row(0x10_0000, 0x10_0000, 2),)).boots()


@pytest.mark.parametrize("text", ["", "24 rubbish", "x 0x0+0x1000:1", "24 0x0+1000:1"])
def test_a_wrong_text_is_named(text):
    with pytest.raises(InputError):
        FirmwareMap.parse(text or "none")


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {"entries": [{"base": 0, "length": 1}]},
        {"entries": [{"base": -1, "length": 1, "type": 1}]},
        {"entries": [{"base": 0, "length": 1, "type": 1, "count": 70000}]},
        {"entries": [], "entry_size": 7},
        {"entries": [{"base": True, "length": 1, "type": 1}]},
    ],
)
def test_a_wrong_document_is_refused(document):
    with pytest.raises(InputError):
        FirmwareMap.from_json(document)
