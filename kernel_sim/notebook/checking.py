"""Run a lab's checks on the functions of this notebook, at once."""

from collections.abc import Iterator, Mapping, Sequence

from kernel_sim.checks.local_bench import LocalBench
from kernel_sim.checks.registry import lab_roles
from kernel_sim.checks.replay_run import ReplayedStep, verdict_of
from kernel_sim.checks.replays import read_any, run_any
from kernel_sim.checks.run import PRACTICE_SEED, LabReport, run_checks
from kernel_sim.host.running_notebook import RunningNotebook
from kernel_sim.notebook.failing_case import failing_case_svg
from kernel_sim.notebook.quiet import quiet_while_loading
from kernel_sim.notebook.session import own_notebook
from kernel_sim.notebook.showing import Shown
from kernel_sim.notebook.verdict import Verdict, html_box


class Verdicts(Shown):
    """All verdicts of a lab, and the points they add up to; true when nothing wrong was found."""

    def __init__(self, report: LabReport) -> None:
        self.report = report
        self.verdicts = [Verdict(check.as_json()) for check in report.reports]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(self.verdicts)

    def __bool__(self) -> bool:
        return self.passed

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def __repr__(self) -> str:
        return f"<{self.report.lab}: {self.sum_line()}>"

    def sum_line(self) -> str:
        """The points, and that there is more to come where that is so."""
        line = f"{self.report.score:g} of {self.report.max_score:g} points"
        more = (
            "; the other checks run when your work is graded" if self.report.hidden_missing else ""
        )
        return f"{line}{more}"

    def text(self) -> str:
        """Each verdict in short, and the sum."""
        lines = [line for v in self.verdicts for line in v.short_lines()]
        return "\n".join([*lines, self.sum_line()])

    def pictures(self) -> Mapping[str, str]:
        """The same in HTML."""
        boxes = (html_box(v.status, v.short_lines()) for v in self.verdicts)
        end = html_box("passed" if self.passed else "failed", [self.sum_line()])
        return {"text/html": "".join([*boxes, end])}


class Replayed(Shown):
    """The steps of a replay, each with what came of it."""

    def __init__(self, steps: Sequence[ReplayedStep]) -> None:
        self.steps = steps

    @property
    def passed(self) -> bool:
        """Whether every step that can be judged was right."""
        return verdict_of(self.steps) == "passed"

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"<replay: {verdict_of(self.steps)}>"

    def text(self) -> str:
        """Each step, its result and its picture."""
        return "\n".join(line for step in self.steps for line in step_lines(step))

    def pictures(self) -> Mapping[str, str]:
        """The same in HTML."""
        lines = self.text().splitlines()
        return {"text/html": html_box(verdict_of(self.steps), ["replay", "", *lines])}


def step_lines(step: ReplayedStep) -> list[str]:
    """One step: a mark where it was judged, what was done, what came back."""
    mark = {True: "✓", False: "✗", None: "·"}[step.ok]
    return [f"{mark} {step.operation}: {step.result}", *step.picture.splitlines()]


@quiet_while_loading
def check(lab: str, check_id: str, *, seed: int = PRACTICE_SEED) -> Verdict:
    """Run one check on the hooks of this notebook.

    Args:
        lab: ``'lab1'`` and so on.
        check_id: the check's name, as it stands in the notebook.
        seed: of generated cases.

    Raises:
        InputError: there is no such lab or check.
    """
    own = own_notebook()
    found = report_of(own, lab, [check_id], seed)[check_id].as_json()
    case = found.get("counterexample") or {}
    verdict = Verdict(found)
    if verdict.has_case:
        verdict.drawing = failing_case_svg(case, LocalBench(own, lab_roles(lab)))
    verdict.show()
    return verdict


@quiet_while_loading
def check_all(lab: str, *, seed: int = PRACTICE_SEED) -> Verdicts:
    """Run all checks of a lab that students have, on the hooks of this notebook.

    Raises:
        InputError: there is no such lab.
    """
    verdicts = Verdicts(report_of(own_notebook(), lab, None, seed))
    verdicts.show()
    return verdicts


@quiet_while_loading
def replay(case: str | Mapping[str, object] | Verdict) -> Replayed:
    """Play a failing case again on the hooks of this notebook.

    Args:
        case: the line that a failed check showed, a replay document, or the verdict itself.

    Raises:
        InputError: it holds no case.
    """
    own = own_notebook()
    found = read_any(case.counterexample if isinstance(case, Verdict) else case)
    replayed = Replayed(run_any(found, LocalBench(own, [found.role])))
    replayed.show()
    return replayed


def report_of(own: RunningNotebook, lab: str, only: Sequence[str] | None, seed: int) -> LabReport:
    """The report on the notebook's hooks; hidden checks are left to the grader."""
    roles = lab_roles(lab)
    return run_checks(lab, lambda: LocalBench(own, roles), seed, only, hidden=False)
