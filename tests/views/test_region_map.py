"""The region map: what stands in its rows, and that no colour stands alone."""

import xml.etree.ElementTree as ET
from itertools import combinations

from kernel_sim import MemoryRegion, RegionKind
from kernel_sim.machine import FirmwareEntry, machine_spec
from kernel_sim.views.palette import LOOKS, look_of_type
from kernel_sim.views.region_map import firmware_column, map_text, rows_of, table_column
from kernel_sim.views.region_map_svg import map_svg

SVG = "{http://www.w3.org/2000/svg}"
RAM = FirmwareEntry(0x1000, 0x5000, 1)
ISLAND = FirmwareEntry(0x2000, 0x1000, 2)
ALL_FREE = MemoryRegion(0x1000, 0x5000, RegionKind.AVAILABLE, 1)


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own text


def test_a_row_starts_wherever_a_column_changes():
    rows = rows_of([firmware_column([RAM, ISLAND])])
    assert [(r.start, r.end) for r in rows] == [
        (0x1000, 0x2000),
        (0x2000, 0x3000),
        (0x3000, 0x6000),
    ]


def test_entries_that_overlap_stand_side_by_side():
    assert "AR" in map_text([firmware_column([RAM, ISLAND])]).splitlines()[2]


def test_memory_called_free_against_the_firmware_is_marked():
    rows = rows_of([firmware_column([RAM, ISLAND]), table_column([ALL_FREE])])
    assert [row.harmful for row in rows] == [False, True, False]


def test_memory_called_free_that_no_entry_describes_is_marked():
    beyond = MemoryRegion(0x1000, 0x9000, RegionKind.AVAILABLE, 1)
    text = map_text([firmware_column([RAM]), table_column([beyond])])
    assert "! 16 KiB in one row" in text


def test_an_entry_to_be_ignored_neither_offers_nor_forbids():
    ignored = FirmwareEntry(0x2000, 0x1000, 2, attributes=0)
    rows = rows_of([firmware_column([RAM, ignored]), table_column([ALL_FREE])])
    assert not any(row.harmful for row in rows)
    alone = rows_of(
        [firmware_column([FirmwareEntry(0x1000, 0x5000, 1, 0)]), table_column([ALL_FREE])]
    )
    assert [row.harmful for row in alone] == [True]


def test_the_right_table_of_the_untidy_machine_is_not_marked():
    entries = machine_spec("pc128").entries
    table = [MemoryRegion(e.base, e.length, RegionKind.AVAILABLE) for e in entries if e.type == 1]
    assert "!" not in map_text([firmware_column(entries), table_column(table)])


def test_an_entry_that_runs_past_64_bits_is_cut_there():
    rows = rows_of([firmware_column([FirmwareEntry(2**64 - 0x1000, 0x2000, 2)])])
    assert [(r.start, r.end) for r in rows] == [(2**64 - 0x1000, 2**64)]


def test_no_description_gives_one_line_instead_of_an_empty_picture():
    assert map_text([table_column([])]) == "(nothing is described)"
    assert parsed(map_svg([table_column([])])).tag == f"{SVG}svg"


def test_the_svg_holds_the_text_form_for_those_who_do_not_see_it():
    columns = [firmware_column([RAM, ISLAND]), table_column([ALL_FREE])]
    picture = parsed(map_svg(columns))
    assert picture.findtext(f"{SVG}desc") == map_text(columns)
    assert picture.get("role") == "img"


def test_every_band_of_the_svg_has_a_letter():
    picture = parsed(map_svg([firmware_column([RAM, ISLAND])]))
    words = [text.text or "" for text in picture.iter(f"{SVG}text")]
    assert sum(word.startswith("A") for word in words) == 5, "three bands, the legend and its word"
    assert sum(word.startswith("R") for word in words) == 3, "the band, the legend and its word"


def test_kinds_differ_in_letter_in_colour_and_in_pattern():
    for a, b in combinations(LOOKS.values(), 2):
        assert a.letter != b.letter
        assert a.color != b.color
        assert a.pattern != b.pattern


def test_an_unknown_type_shows_its_number():
    assert look_of_type(0xF00D).word == "type 0xf00d"
