"""try_it: one example of one function, judged without a traceback."""

from typing import NamedTuple

import pytest

from kernel_sim import MemoryRegion, RegionKind
from kernel_sim.notebook import try_it
from kernel_sim.notebook.hexadecimal import in_hex


class Pair(NamedTuple):
    base: int
    length: int


def double(value: int) -> int:
    return value * 2


def unwritten(value: int) -> int:
    # what a released task cell holds
    raise NotImplementedError


def needing(value: int) -> int:
    return unwritten(value)


def broken(value: int) -> int:
    return value // 0


def test_a_right_example_shows_the_call_and_what_it_gives(capsys: pytest.CaptureFixture[str]):
    assert try_it(double, 0x800, gives=0x1000)
    assert capsys.readouterr().out == "✓ double(0x800)\n    gives    0x1000\n"


def test_a_wrong_example_shows_both_values(capsys: pytest.CaptureFixture[str]):
    assert not try_it(double, 1, gives=Pair(1, 2))
    out = capsys.readouterr().out
    assert "gives    0x2" in out
    assert "expected Pair(base=0x1, length=0x2)" in out


def test_a_function_that_is_not_written_yet_is_no_error(capsys: pytest.CaptureFixture[str]):
    assert not try_it(unwritten, 1, gives=2)
    assert "unwritten is not written yet" in capsys.readouterr().out


def test_a_function_that_needs_one_that_is_not_written_names_that_one(
    capsys: pytest.CaptureFixture[str],
):
    assert not try_it(needing, 1, gives=2)
    assert "needing needs unwritten, and unwritten is not written yet" in capsys.readouterr().out


def test_what_a_function_raises_comes_with_its_own_line(capsys: pytest.CaptureFixture[str]):
    assert not try_it(broken, 1, gives=2)
    captured = capsys.readouterr()
    assert "raised ZeroDivisionError" in captured.out
    assert "return value // 0" in captured.out
    assert "Traceback" not in captured.out
    assert captured.err == ""


def test_integers_are_shown_in_hexadecimal_wherever_they_stand():
    region = MemoryRegion(16, 32, RegionKind.RESERVED, 2)
    assert in_hex([(16,), {1: region}]) == (
        "[(0x10,), {0x1: MemoryRegion(base=0x10, length=0x20, kind=RegionKind.RESERVED, type=0x2)}]"
    )
    assert in_hex(True) == "True"
