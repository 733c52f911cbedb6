"""Running a lab's checks on a plugin; what comes out is always a report."""

import gc
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final

from kernel_sim.checks.bench import Bench, Failure, RunLost
from kernel_sim.checks.check import Check, Result
from kernel_sim.checks.concepts import CONCEPTS
from kernel_sim.checks.finding import finding_of
from kernel_sim.checks.hook_failure import violation_of
from kernel_sim.checks.registry import checks_for, gate_of, points_of
from kernel_sim.checks.subject import Subject
from kernel_sim.errors import InputError
from kernel_sim.nearest import unknown_name

PRACTICE_SEED: Final = 2026
"""The public seed: what `ksim check` and the notebook use unless told otherwise."""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """One check's result and points."""

    check: Check
    result: Result
    max_points: float
    seconds: float = 0.0

    @property
    def points(self) -> float:
        """Points reached; a check that errored costs nothing."""
        return round(self.max_points * self.result.share, 2)

    def as_json(self) -> dict[str, Any]:
        """The entry of ``ksim check --json``."""
        result, finding = self.result, self.result.finding
        case = finding.counterexample if finding else None
        return {
            "id": self.check.id,
            "title": self.check.title,
            "visible": self.check.visible,
            "points": self.points,
            "max_points": self.max_points,
            "status": result.status,
            "rule": finding.rule if finding else None,
            "requirement": finding.requirement if finding else None,
            "requirements": list(self.check.requirements),
            "concept": finding.concept if finding else None,
            "message": finding.message if finding else result.error,
            "hint": CONCEPTS[finding.concept].hint if finding else "",
            "parts": [
                {
                    "title": part.title,
                    "passed": part.passed,
                    "message": part.finding.message if part.finding else "",
                    "concept": part.finding.concept if part.finding else None,
                }
                for part in result.parts
            ],
            "counterexample": case.as_json() if case else None,
        }


@dataclass(frozen=True, slots=True)
class LabReport:
    """The outcome of a lab's checks."""

    lab: str
    seed: int
    reports: tuple[CheckReport, ...]
    hidden_missing: bool = False

    @property
    def score(self) -> float:
        """Points reached."""
        return round(sum(report.points for report in self.reports), 2)

    @property
    def max_score(self) -> float:
        """Points that these checks can give."""
        return sum(report.max_points for report in self.reports)

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(report.result.status != "failed" for report in self.reports)

    def __getitem__(self, check_id: str) -> CheckReport:
        """The report of one check.

        Raises:
            KeyError: it was not run.
        """
        for report in self.reports:
            if report.check.id == check_id:
                return report
        raise KeyError(check_id)

    def as_json(self) -> dict[str, Any]:
        """The document of ``ksim check --json``."""
        return {
            "lab": self.lab,
            "seed": self.seed,
            "score": self.score,
            "max_score": self.max_score,
            "hidden_missing": self.hidden_missing,
            "checks": [report.as_json() for report in self.reports],
        }


def run_checks(
    lab: str,
    make_bench: Callable[[], Bench],
    seed: int = PRACTICE_SEED,
    only: Sequence[str] | None = None,
    *,
    hidden: bool = True,
) -> LabReport:
    """Run a lab's checks.

    Args:
        lab: ``'lab1'`` to ``'lab5'``.
        make_bench: loads the plugin into a new bench; called again whenever a fresh one is needed.
        seed: of everything that is random.
        only: ids of the checks to run; None for all that are installed.
        hidden: whether hidden checks are run where they are installed.

    Raises:
        InputError: there is no such lab or check.
    """
    known = checks_for(lab, hidden=hidden)
    points = points_of(lab)
    by_id = {check.id: check for check in known}
    for name in only or ():
        if name not in by_id:
            raise unknown_name("check", name, by_id)
    chosen = known if only is None else tuple(by_id[name] for name in only)
    subject = Subject(make_bench)
    with _older_objects_aside():
        try:
            reports = tuple(_run_each(lab, chosen, points, subject, seed))
        finally:
            subject.close()
    return LabReport(lab, seed, reports, hidden_missing=len(known) < len(points))


@contextmanager
def _older_objects_aside() -> Iterator[None]:
    """Spare the garbage collector what was there before: a twentieth of the time, or more."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _run_each(
    lab: str,
    checks: Sequence[Check],
    points: Mapping[str, float],
    subject: Subject,
    seed: int,
) -> Iterator[CheckReport]:
    """The checks one after another, each on a fresh bench. What fails everywhere is asked once."""
    gate = gate_of(lab)
    try:
        hopeless = gate(subject)
    except RunLost as lost:
        failure = lost.failure
        hopeless = lambda check: _lost(check, failure)  # noqa: E731
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - ours: no check can say anything
        ours = _errored(error)
        hopeless = lambda _: ours  # noqa: E731
    for check in checks:
        start = perf_counter()
        result = hopeless(check) if hopeless else _run(check, subject, seed)
        worth = points.get(check.id, 0)
        yield CheckReport(check, result, worth, perf_counter() - start)


def _run(check: Check, subject: Subject, seed: int) -> Result:
    """One check; an exception of our own makes it errored."""
    subject.renew()
    try:
        return check.function(subject, seed)
    except RunLost as lost:
        return _lost(check, lost.failure)
    except InputError as error:
        return Result.errored(str(error))
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in a check is ours
        return _errored(error)


def _lost(check: Check, failure: Failure) -> Result:
    """The process under test ended, or nothing of what it says is to be believed."""
    broken = violation_of(failure, check.requirements[0])
    return Result.failed(finding_of(broken, None, failure))


def _errored(error: Exception) -> Result:
    """An exception of our own, with its place."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{last.name}, line {last.lineno}"
    return Result.errored(f"{type(error).__name__}: {error} ({place})")
