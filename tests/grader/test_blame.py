"""A check that a plugin breaks earns nothing; one that breaks by itself costs nothing."""

import sys
from pathlib import Path

import pytest

from kernel_sim.checks import run
from kernel_sim.checks.check import Result
from kernel_sim_grader import feedback
from kernel_sim_grader.blame import WITHHELD, withhold
from kernel_sim_grader.grading import end_workers, grade_text

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits are Unix's")
SEED = 11
CHECK = "enable-paging"
RIGHT = Path("grader/corpus/lab3/correct/eager_tables.py").read_text(encoding="utf-8")
MALFORMED = """

_enable = enable_paging


@hookimpl
def enable_paging(kernel, root):
    kernel.cpu.trace.emit("control", operation="mov", register="cr0", old="?", new="?")
    return _enable(kernel, root)
"""


@pytest.fixture(autouse=True)
def _only_one_check(monkeypatch):
    everything = run.run_checks

    def one(lab, make_bench, seed, only=None):
        return everything(lab, make_bench, seed, only or [CHECK])

    monkeypatch.setattr(run, "run_checks", one)
    yield
    end_workers()


def graded(text):
    report = grade_text(text, "lab3", "answer.py", SEED, sandbox="none")
    (check,) = report.checks
    return report.score, check


def test_events_that_no_machine_writes_earn_no_points():
    score, check = graded(RIGHT + MALFORMED)
    assert score == 0
    assert check["points"] == 0
    assert check["message"]


def test_an_honest_plugin_keeps_its_points():
    score, check = graded(RIGHT)
    assert (check["status"], score) == ("passed", check["max_points"])


def entry(check_id, status, points):
    return {"id": check_id, "status": status, "points": points, "message": "TypeError: str"}


def test_points_of_a_check_that_only_this_plugin_breaks_wait_for_the_instructor():
    document = {"checks": [entry(CHECK, "errored", 9.0), entry("tlb", "passed", 4.0)], "score": 13}
    withhold(document, "lab3", ("paging",), SEED)
    broken, untouched = document["checks"]
    assert (broken["points"], broken["status"], broken["message"]) == (0.0, "errored", WITHHELD)
    assert broken["cause"] == "TypeError: str"
    assert (untouched["points"], document["score"]) == (4.0, 4.0)
    shown = feedback.as_text({"max_points": 9.0, "title": "", **broken})
    assert WITHHELD in shown
    assert feedback.ERRORED not in shown


def test_a_check_that_breaks_on_the_reference_too_costs_nothing(monkeypatch):
    monkeypatch.setattr(run, "_run", lambda *_: Result.errored("ours"))
    document = {"checks": [entry(CHECK, "errored", 9.0)], "score": 9.0}
    withhold(document, "lab3", ("paging",), SEED)
    assert (document["checks"][0]["points"], document["score"]) == (9.0, 9.0)
