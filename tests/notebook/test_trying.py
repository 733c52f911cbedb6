"""try_it: one example of one function, judged without a traceback."""

from typing import NamedTuple

import pytest

from kernel_sim import MemoryRegion, RegionKind, hookimpl
from kernel_sim.notebook import boot, try_it
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
    assert "gives    2" in out
    assert "expected Pair(base=1, length=2)" in out


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


def test_large_integers_are_shown_in_hexadecimal_wherever_they_stand_and_counts_in_decimal():
    region = MemoryRegion(0x1000, 32, RegionKind.RESERVED, 2)
    assert in_hex([(16,), {1: region}]) == (
        "[(16,), {1: MemoryRegion(base=0x1000, length=32, kind=RegionKind.RESERVED, type=2)}]"
    )
    assert in_hex((-1, 1023, 1024, -1024)) == "(-1, 1023, 0x400, -0x400)"
    assert in_hex(True) == "True"


class Unfinished:
    """A frame allocator of which one hook is not written and one is wrong."""

    @hookimpl
    def pmm_init(self, kernel, regions, reserved):
        """Nothing to set up."""

    @hookimpl
    def pmm_alloc_frame(self, kernel):
        raise NotImplementedError

    @hookimpl
    def pmm_stats(self, kernel):
        return kernel.state.unknown


def calling(hook: str) -> object:
    return boot("pc4", until="pmm", show=False, pmm=Unfinished()).call(hook)


def test_a_hook_that_is_not_written_is_answered_with_one_sentence(
    capsys: pytest.CaptureFixture[str],
):
    assert not try_it(calling, "pmm_alloc_frame", gives=None)
    (_, line) = capsys.readouterr().out.splitlines()
    assert line.strip() == "calling needs pmm_alloc_frame, and pmm_alloc_frame is not written yet."


def test_a_hook_that_fails_is_named_with_the_line_at_fault_and_without_the_trace(
    capsys: pytest.CaptureFixture[str],
):
    assert not try_it(calling, "pmm_stats", gives=None)
    shown = capsys.readouterr().out
    assert "kernel oops in pmm_stats (Unfinished)" in shown
    assert "return kernel.state.unknown" in shown
    assert "events" not in shown


def longest(*values: object) -> int:
    return len(values)


def test_many_long_arguments_are_cut_short(capsys: pytest.CaptureFixture[str]):
    assert try_it(longest, "a" * 80, "b" * 80, "c" * 80, gives=3)
    call = capsys.readouterr().out.splitlines()[0]
    assert call == f"✓ longest('{'a' * 80}', … and 2 more)"
