import json
import struct

import pytest

from kernel_sim.addr import ONE_MIB
from kernel_sim.errors import InputError
from kernel_sim.machine import (
    FirmwareEntry,
    Machine,
    MachineSpec,
    available_ranges,
    backed_ranges,
    frames_within,
    machine_names,
    machine_spec,
)
from kernel_sim.machine.firmware.placement import place
from kernel_sim.values import AddrRange

GOLDEN = [
    (0x0, 0x9FC00, 1),
    (0x9FC00, 0x400, 2),
    (0xF0000, 0x10000, 2),
    (0x10_0000, 0x7EE_0000, 1),
    (0x7FE_0000, 0x2_0000, 2),
    (0xFFFC_0000, 0x4_0000, 2),
]
REAL = [name for name in machine_names() if name.startswith("map-")]


def spec_of(*entries, entry_size=24):
    return MachineSpec(
        "test", 1 << 30, "raw", tuple(FirmwareEntry(*e) for e in entries), entry_size
    )


def read_table(machine):
    info = machine.boot_info
    raw = machine.ram.read(info.table, info.count * info.entry_size)
    return list(struct.iter_unpack("<QQII" if info.entry_size == 24 else "<QQI", raw))


def test_pc128_holds_the_golden_map_at_the_seeds_addresses():
    machine = Machine(machine_spec("pc128"))
    info = machine.power_on()
    assert read_table(machine) == [(*entry, 1) for entry in GOLDEN]
    assert (info.table, info.count, info.entry_size) == (0x5000, 6, 24)
    assert machine.ram.load(0x2000, 4) == 0x5000
    assert machine.ram.load(0x2004, 2) == 6
    assert info.kernel.start == 0x1_0000
    assert info.stack.end == 0x9_FB00
    assert machine.cpu.sp == 0x9_FB00


def test_pc128_has_32639_usable_frames_below_its_limit():
    machine = Machine(machine_spec("pc128"))
    assert machine.physical_limit == 0x7FE_0000
    available = available_ranges(machine.spec)
    assert frames_within(available, 0, machine.physical_limit) == 32_639
    assert frames_within(available, ONE_MIB, machine.physical_limit) == 32_480


def test_47_of_the_52_real_maps_boot_and_the_others_say_why():
    reasons = {name: machine_spec(name).bootable() for name in REAL}
    assert len(REAL) == 52
    assert {name for name, reason in reasons.items() if reason} == {
        "map-52",
        "map-53",
        "map-71",
        "map-76",
        "map-77",
    }
    assert "no available memory" in reasons["map-52"]
    assert "0 frames" in reasons["map-77"]


@pytest.mark.parametrize("name", [n for n in machine_names() if machine_spec(n).bootable() is None])
def test_every_bootable_machine_powers_on_with_its_table_readable(name):
    machine = Machine(machine_spec(name))
    info = machine.power_on()
    entries = [(e.base, e.length, e.type, e.attributes) for e in machine.spec.entries]
    assert read_table(machine) == entries
    available = available_ranges(machine.spec)
    table = AddrRange(info.table, info.table + info.count * info.entry_size)
    placed = [info.kernel, info.stack, table]
    for item in placed:
        assert item.end <= machine.physical_limit
        assert any(free.start <= item.start and item.end <= free.end for free in available)
    assert not any(a.overlaps(b) for a in placed for b in placed if a is not b)
    with machine.cpu.frame("probe", 64) as address:
        machine.cpu.store(address, 4, 1)


def test_a_machine_that_cannot_boot_is_not_powered_on():
    with pytest.raises(InputError, match=r"map-77.*cannot boot here: 0 frames"):
        Machine(machine_spec("map-77")).power_on()


def test_uefi_types_are_converted_and_the_descriptors_kept():
    spec = machine_spec("map-77")
    assert spec.firmware == "efi"
    assert [e.type for e in spec.entries] == [2, 2, 2, 1, 2]
    assert [e.type for e in spec.descriptors] == [4, 2, 4, 7, 0]


def test_20_byte_entries_are_written_without_attributes():
    spec = spec_of((0, 0x9_F000, 1), (ONE_MIB, 0x100_0000, 1), entry_size=20)
    machine = Machine(spec)
    assert machine.power_on().entry_size == 20
    assert read_table(machine) == [(0, 0x9_F000, 1), (ONE_MIB, 0x100_0000, 1)]


def test_the_most_restrictive_entry_wins_and_switched_off_ones_do_not_count():
    spec = spec_of(
        (0x10_0000, 0x10_0000, 1),
        (0x14_0800, 0x800, 5),
        (0x18_0000, 0x1000, 2, 0),
        (0x30_0000, 0, 1),
        (0x20_0000, 0x1000, 1),
        ((1 << 64) - 0x1000, 0x2000, 2),
    )
    assert list(available_ranges(spec)) == [
        AddrRange(0x10_0000, 0x14_0800),
        AddrRange(0x14_1000, 0x20_1000),
    ]


def test_attributes_do_not_count_in_20_byte_entries():
    entries = ((0x10_0000, 0x10_0000, 1), (0x18_0000, 0x1000, 2, 0))
    assert len(available_ranges(spec_of(*entries, entry_size=24))) == 1
    assert len(available_ranges(spec_of(*entries, entry_size=20))) == 2


def test_reserved_memory_is_backed_only_below_the_end_of_available_memory():
    spec = spec_of(
        (0, 0x9_FC00, 1),
        (0x9_FC00, 0x400, 2),
        (0x10_0000, 0x10_0000, 1),
        (0x18_0000, 0x1000, 2),
        (0x20_0000, 0x1000, 2),
        (0x30_0000, 0x1000, 3),
        (0x1_0000_0000, 0x1000, 1),
        (0x1_0000_1000, 0x1000, 2),
    )
    assert list(backed_ranges(spec)) == [
        AddrRange(0, 0xA_0000),
        AddrRange(0x10_0000, 0x20_0000),
        AddrRange(0x30_0000, 0x30_1000),
        AddrRange(0x1_0000_0000, 0x1_0000_1000),
    ]


def test_the_stack_goes_elsewhere_where_the_seeds_place_is_not_available():
    spec = machine_spec("map-02")
    placement = place(spec)
    assert placement.stack.end != 0x9_FB00
    assert placement.image.start == 0x1_0000


def test_the_limit_is_3_gib_where_memory_goes_on_above():
    assert Machine(machine_spec("pc-nasty")).physical_limit == 0xC000_0000


def test_names_find_presets_and_real_maps_and_a_near_miss_is_named():
    assert machine_names()[:3] == ["pc4", "pc128", "pc-nasty"]
    assert machine_spec("map-01").title.startswith("innotek")
    with pytest.raises(InputError, match=r"'pc12'.*for instance pc128"):
        machine_spec("pc12")


MAP = {
    "id": 5,
    "machine": "mine",
    "kind": "e820",
    "entries": [{"base": 0, "length": 4096, "type": 1}],
}


def write_map(tmp_path, document):
    path = tmp_path / "my.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(path)


def test_a_file_holds_one_map(tmp_path):
    spec = machine_spec(write_map(tmp_path, MAP))
    assert (spec.name, spec.title) == ("my", "mine")
    assert spec.entries == (FirmwareEntry(0, 4096, 1),)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"entries": []}, r"my\.json: entries: no entries"),
        ({"entries": [{"base": 0, "type": 1}]}, r"my\.json: entries\[0\]\.length: missing"),
        ({"entries": [{"base": -1, "length": 1, "type": 1}]}, r"entries\[0\]\.base: -0x1 is out"),
        ({"entries": [{"base": "0", "length": 1, "type": 1}]}, r"entries\[0\]\.base: '0' is no"),
        ({"entries": [{"base": 0, "length": True, "type": 1}]}, r"entries\[0\]\.length: True is"),
        ({"entries": [{"base": 1 << 64, "length": 1, "type": 1}]}, r"entries\[0\]\.base: 0x1000"),
        ({"entries": [{"base": 0, "length": 1, "type": 1 << 32}]}, r"entries\[0\]\.type: 0x1"),
        ({"entries": [{"base": 0, "length": 1 << 60, "type": 1}]}, r"entries\[0\]\.length: 0x1"),
        ({"entries": [7]}, r"entries\[0\]: no entry"),
        ({"kind": "coreboot"}, r"kind: unknown kind 'coreboot'; expected e820, raw, efi"),
        ({"ram_bytes": 100}, r"entries\[0\]\.length: 0x1000 bytes are available, but.* 0x64"),
        ({"ram_bytes": "much"}, r"ram_bytes: 'much' is no integer"),
        ({"entry_size": 23}, r"entry size 23; expected 20 or 24"),
    ],
)
def test_a_wrong_file_is_one_line_with_file_entry_and_field(tmp_path, change, message):
    with pytest.raises(InputError, match=message) as caught:
        machine_spec(write_map(tmp_path, MAP | change))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"entries": [', r"my\.json:1:14: not JSON"),
        ("[1]", "no memory map"),
        ("\0", "not JSON"),
    ],
)
def test_a_file_that_is_no_map_is_one_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        machine_spec(write_map(tmp_path, text))


def test_a_missing_or_binary_file_is_one_line(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        machine_spec(str(tmp_path / "none.json"))
    (tmp_path / "bin.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a text file"):
        machine_spec(str(tmp_path / "bin.json"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ram_bytes": -1}, "ram_bytes: -0x1"),
        ({"ram_bytes": 1 << 60}, "ram_bytes: 0x1"),
        ({"firmware": "bios"}, "'bios'; expected e820, raw, efi"),
        ({"entries": ()}, "a map of 0 entries"),
    ],
)
def test_a_spec_refuses_absurd_numbers(change, message):
    fields = {
        "name": "x",
        "ram_bytes": 4096,
        "firmware": "raw",
        "entries": (FirmwareEntry(0, 4096, 1),),
    }
    with pytest.raises(InputError, match=message):
        MachineSpec(**(fields | change))
