import json

import pytest

from kernel_sim import MemoryRegion, RegionKind, hookimpl
from kernel_sim.checks import run as run_module
from kernel_sim.checks.check import Check, Result
from kernel_sim.checks.lab1 import CHECKS
from kernel_sim.checks.local_bench import LocalBench
from kernel_sim.checks.memmap_gate import QUIET_POISON
from kernel_sim.checks.registry import checks_for, lab_roles, points_of
from kernel_sim.checks.run import run_checks
from kernel_sim.errors import InputError
from kernel_sim.machine.ram import poison_word

VISIBLE = [check.id for check in CHECKS]


def reference():
    return LocalBench("kernel_v_memmap", ["memmap"])


class OnlyPc128:
    """Returns the table of pc128 everywhere."""

    @hookimpl
    def parse_memory_map(self):
        return [
            MemoryRegion(0x0, 0x9FC00, RegionKind.AVAILABLE),
            MemoryRegion(0x9FC00, 0x400, RegionKind.RESERVED),
            MemoryRegion(0xF0000, 0x10000, RegionKind.RESERVED),
            MemoryRegion(0x100000, 0x7EE0000, RegionKind.AVAILABLE),
            MemoryRegion(0x7FE0000, 0x20000, RegionKind.RESERVED),
            MemoryRegion(0xFFFC0000, 0x40000, RegionKind.RESERVED),
        ]


@pytest.mark.parametrize("seed", [1, 2026, 987654321])
def test_the_reference_passes_every_visible_check(seed):
    report = run_checks("lab1", reference, seed, VISIBLE)
    assert [item.result.status for item in report.reports] == ["passed"] * len(VISIBLE)
    assert report.score == report.max_score == 45


def test_the_points_of_lab_1_make_90():
    assert sum(points_of("lab1").values()) == 90
    assert lab_roles("lab1") == ("memmap",)


def test_every_check_has_points_requirements_and_a_line_for_the_student():
    for check in checks_for("lab1"):
        assert points_of("lab1")[check.id] > 0
        assert all(name.startswith("KV-") for name in check.requirements)
        assert check.title.endswith(".")


def test_without_the_hidden_checks_only_the_visible_ones_run():
    report = run_checks("lab1", reference, 1, hidden=False)
    assert {item.check.id for item in report.reports} == set(VISIBLE)
    assert report.max_score == 45
    assert report.hidden_missing


def test_one_check_can_be_run_alone():
    report = run_checks("lab1", reference, 1, ["boot-log"])
    assert [item.check.id for item in report.reports] == ["boot-log"]
    assert report["boot-log"].points == 8


def test_unknown_labs_and_checks_are_answered_with_the_nearest_name():
    with pytest.raises(InputError, match="lab1"):
        run_checks("lab11", reference)
    with pytest.raises(InputError, match="boot-log"):
        run_checks("lab1", reference, 1, ["boot-lok"])


def test_the_report_is_json():
    report = run_checks("lab1", lambda: LocalBench(OnlyPc128(), ["memmap"]), 1, VISIBLE)
    document = json.loads(json.dumps(report.as_json()))
    assert document["lab"] == "lab1"
    checks = {item["id"]: item for item in document["checks"]}
    assert checks["regions-pc128"]["status"] == "passed"
    failed = checks["classes"]
    assert failed["status"] == "failed"
    assert failed["points"] == 0
    assert failed["max_points"] == 8
    assert failed["concept"] == "hard-coded"
    assert failed["requirement"] == "KV-1"
    assert set(failed["counterexample"]) >= {"operations", "expected", "got", "replay"}
    assert checks["boot-log"]["concept"] == "missing-hook"


def test_equal_seeds_give_equal_reports():
    def make():
        return LocalBench(OnlyPc128(), ["memmap"])

    one, two, other = (run_checks("lab1", make, seed, VISIBLE).as_json() for seed in (5, 5, 6))
    assert one == two
    assert one != other


def test_an_error_of_ours_costs_the_student_nothing(monkeypatch):
    def broken(_subject, _seed):
        """Asks nothing."""
        raise RuntimeError("the check is broken")

    check = Check("boot-log", "lab1", ("KV-5",), broken)
    monkeypatch.setattr(run_module, "checks_for", lambda _lab, **_: (check,))
    report = run_checks("lab1", reference, 1)
    assert report["boot-log"].result.status == "errored"
    assert report["boot-log"].points == 8
    assert "the check is broken" in report["boot-log"].as_json()["message"]


CACHING = """
from kernel_sim import hookimpl
from kernel_sim_kernel_v.memmap import parse_memory_map as parse

tables = []


@hookimpl
def parse_memory_map(kernel, boot_info):
    if not tables:
        tables.append(parse(kernel, boot_info))
    return tables[0]
"""


def test_a_share_of_the_points_is_given_for_the_parts_that_passed(tmp_path):
    path = tmp_path / "caching.py"
    path.write_text(CACHING)
    report = run_checks("lab1", lambda: LocalBench(str(path), ["memmap"]), 1, ["robustness"])
    parts = report["robustness"].result.parts
    assert [part.passed for part in parts] == [True, True, False]
    assert report["robustness"].points == pytest.approx(5 * 2 / 3, abs=0.01)
    assert parts[2].finding.concept == "state-across-boots"


def test_state_from_an_earlier_boot_costs_points_once(tmp_path):
    path = tmp_path / "caching.py"
    path.write_text(CACHING)
    report = run_checks("lab1", lambda: LocalBench(str(path), ["memmap"]), 1, VISIBLE)
    failed = [item.check.id for item in report.reports if item.result.status == "failed"]
    assert failed == ["robustness", "boot-log"]


def test_a_missing_plugin_is_wrong_input_and_not_a_failure():
    with pytest.raises(InputError):
        run_checks("lab1", lambda: LocalBench("no-such-file.py", ["memmap"]), 1)


def test_the_quiet_poison_leaves_zeros_behind_the_count():
    assert poison_word(QUIET_POISON, 2) >> 48 == 0
    assert poison_word(0, 2) >> 48 != 0


def test_a_passed_result_has_its_whole_share():
    assert Result.passed().share == 1
    assert Result.errored("ours").share == 1
