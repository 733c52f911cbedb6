"""What the notebook shows of address spaces and single accesses."""

import sys

import pytest

from kernel_sim.checks.paging_picture import HARM, NEWS
from kernel_sim.errors import InputError
from kernel_sim.notebook import boot, compare_with_emulator, show_space, touch
from kernel_sim.notebook.spaces import SpacePicture


@pytest.fixture(scope="module")
def paged():
    return boot(machine="pc4", until="paging", show=False, paging="reference")


def test_the_picture_has_each_range_with_its_rights(paged, capsys):
    picture = show_space(paged)
    assert "0x00001000  0x003e0000  0x00001000  4 KiB   W\n" in capsys.readouterr().out
    assert repr(picture) == "<address space of pc4, 3 ranges>"


def test_an_earlier_picture_shows_what_is_new(paged, capsys):
    before = show_space(paged)
    paged.call("map_page", paged.result.kernel.root, 0xD000_0000, 0x20_0000, 5)
    change = show_space(paged, since=before)
    assert "+ 0xd0000000  0xd0001000  .                 0x00200000 U" in capsys.readouterr().out
    assert repr(change) == "<1 changes>"
    assert "<svg" in change.pictures()["image/svg+xml"]
    picture = change.pictures()["image/svg+xml"]
    assert NEWS in picture
    assert HARM not in picture, "what is new is no mistake"


def test_tables_that_are_not_in_use_are_shown_by_their_root(paged):
    root = paged.call("init_paging", [])
    paged.call("map_page", root, 0xE000_0000, 0x30_0000, 3)
    picture = show_space(paged, root=root)
    assert isinstance(picture, SpacePicture)
    assert [(r.start, r.physical) for r in picture.ranges] == [(0xE000_0000, 0x30_0000)]


def test_there_is_nothing_to_show_while_paging_is_off():
    booted = boot(machine="pc4", until="pmm", show=False, paging="reference")
    with pytest.raises(InputError, match="paging is off"):
        show_space(booted)


def test_an_access_says_whether_it_went_through_and_what_the_kernel_printed(paged, capsys):
    assert touch(paged, "read", 0x1_0000)
    assert not touch(paged, "write", 0x1_0000, user=True)
    told = capsys.readouterr().out
    assert "the kernel: read at 0x00010000 goes through" in told
    assert "a program: write at 0x00010000 is stopped" in told
    assert "screen:   Protection violation, Write access, User mode" in told


def test_an_access_of_an_unknown_kind_is_refused_with_the_nearest_name(paged):
    with pytest.raises(InputError, match="write"):
        touch(paged, "writ", 0)


def test_the_emulator_agrees_where_there_is_one(paged, capsys):
    pytest.importorskip("unicorn")
    assert compare_with_emulator(paged)
    assert "both see the same address space" in capsys.readouterr().out


def test_without_the_emulator_a_line_says_how_to_get_it(paged, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "unicorn", None)
    assert compare_with_emulator(paged)
    told = capsys.readouterr().out
    assert "nothing to compare with" in told
    assert "pip install" in told
