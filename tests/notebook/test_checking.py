"""check, check_all and replay on the hooks of the calling module."""

import json

import pytest

from kernel_sim import MemoryRegion, RegionKind, hookimpl
from kernel_sim.errors import InputError
from kernel_sim.notebook import check, check_all, replay


@hookimpl
def parse_memory_map(kernel, boot_info):
    """Right for tidy maps; where entries overlap it believes the first, and it knows two types."""
    load, regions = kernel.cpu.load, []
    for number in range(boot_info.count):
        at = boot_info.table + number * boot_info.entry_size
        kind = RegionKind.AVAILABLE if load(at + 16, 4) == 1 else RegionKind.RESERVED
        regions.append(MemoryRegion(load(at, 8), load(at + 8, 8), kind, load(at + 16, 4)))
    return regions


def test_a_check_that_passes_says_so_with_its_points(capsys: pytest.CaptureFixture[str]):
    verdict = check("lab1", "regions-pc128")
    assert verdict.passed
    assert "regions-pc128: passed, 10 of 10 points" in capsys.readouterr().out


def test_a_check_that_fails_shows_the_case_and_how_to_play_it_again(
    capsys: pytest.CaptureFixture[str],
):
    verdict = check("lab1", "order-overlap")
    captured = capsys.readouterr()
    assert not verdict.passed
    assert verdict.message in captured.out
    assert f"Play it again: {verdict.counterexample['line']}" in captured.out
    assert "Traceback" not in captured.out
    assert captured.err == ""


def test_the_line_and_the_verdict_play_the_same_case_again():
    verdict = check("lab1", "order-overlap")
    line = verdict.counterexample["line"]
    case = line.removeprefix("replay('").removesuffix("')")
    assert not replay(case)
    assert replay(case).text() == replay(verdict).text()


def test_a_failing_map_is_drawn_with_three_columns():
    html = check("lab1", "classes").pictures()["text/html"]
    assert "<svg" in html
    for name in ("firmware", "expected", "your table"):
        assert f">{name}</text>" in html


def test_a_verdict_is_plain_data_for_programs():
    assert json.loads(json.dumps(check("lab1", "classes").check))["status"] == "failed"


def test_all_checks_give_one_line_each_and_the_sum():
    verdicts = check_all("lab1")
    assert not verdicts.passed
    assert len(list(verdicts)) == 6
    assert verdicts.text().splitlines()[-1].startswith(f"{verdicts.report.score:g} of 45 points")


def test_hidden_checks_are_left_to_the_grader_even_where_they_are_installed():
    assert not any(v.check["id"].startswith("hidden") for v in check_all("lab1"))


def test_a_check_that_does_not_exist_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="did you mean order-overlap"):
        check("lab1", "order-overlaps")


def test_a_replay_that_holds_no_case_is_refused_in_one_line():
    with pytest.raises(InputError):
        replay("")
