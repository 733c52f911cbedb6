"""``ksim check`` as a person reads it."""

import pytest

from kernel_sim.checks.check import Check, Part, Result
from kernel_sim.checks.finding import Finding
from kernel_sim.checks.run import CheckReport, LabReport
from kernel_sim.checks.subject import Subject
from kernel_sim.cli.check_screen import show_report


def asking(subject: Subject, seed: int) -> Result:
    """What a check asks."""
    raise AssertionError(subject, seed)


def failed(name: str, problem: str) -> CheckReport:
    """A check that found ``problem`` in the first of its two parts."""
    finding = Finding("rule", "KV-39", problem, "crash", "A likely cause.")
    parts = (Part("an overflow", finding), Part("given back"))
    return CheckReport(Check(name, "lab5", ("KV-39",), asking), Result.of_parts(parts), 4)


def shown(capsys: pytest.CaptureFixture[str], *reports: CheckReport) -> str:
    show_report(LabReport("lab5", 1, reports), "mine.py")
    return capsys.readouterr().out


def test_what_two_checks_found_is_told_once(capsys: pytest.CaptureFixture[str]):
    out = shown(capsys, failed("stack-guard", "no guard"), failed("hidden-stack-guard", "no guard"))
    assert out.count("A likely cause.") == 1
    assert "hidden-stack-guard: the same as stack-guard, in: an overflow\n" in out


def test_different_findings_are_told_each(capsys: pytest.CaptureFixture[str]):
    out = shown(capsys, failed("stack-guard", "no guard"), failed("heap-guard", "one side"))
    assert out.count("A likely cause.") == 2
    assert "the same as" not in out
