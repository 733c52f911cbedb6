"""boot and show_map with the hooks of the calling module, and with others."""

import pytest

from kernel_sim import MemoryRegion, RegionKind, hookimpl
from kernel_sim.errors import InputError
from kernel_sim.notebook import boot, power_on, show_map, use
from kernel_sim.notebook.session import SESSION

ONE_REGION = [MemoryRegion(0x100000, 0x700000, RegionKind.AVAILABLE, 1)]


@hookimpl
def parse_memory_map():
    return list(ONE_REGION)


class Unwritten:
    @hookimpl
    def parse_memory_map(self):
        # what a released task cell holds
        raise NotImplementedError


def test_the_hooks_of_the_caller_boot():
    booted = boot("pc128", until="memmap", show=False)
    assert list(booted.regions) == ONE_REGION
    assert "memmap from this notebook" in booted.heading()


def test_a_role_can_be_given_to_the_reference_for_one_boot():
    booted = boot("pc128", until="memmap", show=False, memmap="reference")
    assert len(booted.regions) == 6
    assert "all parts are the reference" in booted.heading()


def test_a_role_can_be_given_to_another_plugin_from_now_on():
    use("memmap", "reference")
    try:
        assert len(boot("pc128", until="memmap", show=False).regions) == 6
    finally:
        use("memmap", None)
    assert SESSION.plugins == {}
    assert len(boot("pc128", until="memmap", show=False).regions) == 1


def test_a_wrong_role_is_answered_with_the_nearest_right_one():
    with pytest.raises(InputError, match="did you mean memmap"):
        boot("pc128", show=False, mem_map="reference")
    with pytest.raises(InputError, match="did you mean paging"):
        use("pageing", "reference")


def test_the_screen_is_shown_as_text_where_there_is_no_notebook(
    capsys: pytest.CaptureFixture[str],
):
    boot("pc128", until="memmap", memmap="reference")
    captured = capsys.readouterr()
    assert "Base: 0x0000000007fe0000, Length: 0x0000000000020000, Type: Reserved" in captured.out
    assert captured.err == ""


def test_a_hook_that_is_not_written_yet_is_told_in_one_sentence():
    booted = boot("pc128", show=False, memmap=Unwritten())
    assert booted.oops is not None
    (line,) = booted.wrong_lines()
    assert "parse_memory_map" in line
    assert "not written yet" in line


class Stops:
    @hookimpl
    def parse_memory_map(self):
        raise ValueError("a table of <nothing>")


def test_what_happened_before_an_oops_is_folded_away_in_a_notebook():
    booted = boot("pc128", until="memmap", show=False, memmap=Stops())
    html = booted.pictures()["text/html"]
    told, _, hidden = html.partition("<details><summary>the last ")
    assert "ValueError: a table of &lt;nothing&gt;" in told
    assert "#" not in told.rpartition("<pre")[2].partition(">")[2]
    assert hidden.count("\n    #") == len(booted.oops.events) - 1
    assert "the last" in booted.text()


def test_a_booted_kernel_answers_hook_calls():
    booted = boot("pc128", show=False, memmap="reference")
    assert booted.call("pmm_alloc_frame") % 0x1000 == 0


def test_the_map_puts_the_table_beside_the_firmware():
    picture = show_map(boot("pc128", until="memmap", show=False))
    assert [column.name for column in picture.columns] == ["firmware", "kernel's table"]
    assert "image/svg+xml" in picture.pictures()


def test_the_map_of_a_machine_needs_no_boot():
    assert "A Available" in show_map("map-31").text()


def test_old_firmware_has_no_attributes_that_could_switch_an_entry_off():
    text = show_map(power_on("pc-nasty", entry_size=20)).text()
    assert "entry to be ignored" not in text
