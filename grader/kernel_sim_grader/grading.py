"""One submission graded: the lab's checks on its plugin in a worker, and the report of it."""

import atexit
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from kernel_sim.nearest import unknown_name
from kernel_sim_grader.sandbox.modes import NONE, Sandbox, told
from kernel_sim_grader.worker_bench import Deaths, PluginText, WorkerBench
from kernel_sim_grader.worker_sources import WorkerSource, worker_source

REPORTS: Final = "reports"
"""Folder in the course where each grading's full report lies; never released."""
PACKAGES: Final = ("kernel-sim", "kernel-sim-grader")

TRIES: Final = 2

_sources: dict[tuple[tuple[str, ...], Sandbox], WorkerSource] = {}


@dataclass(slots=True)
class GradedReport:
    """What grading one submission found.

    Args:
        lab: the assignment.
        seed: of the checks' generators.
        score: points reached.
        max_score: points that checks can give.
        checks: the entries of the lab report's JSON, with ``told``: how much of it the student
            may read.
        reason: a line about the submission as a whole, where something was wrong with it.
        notes: what was put right in the file.
        sha256: of the submitted file.
        files: digest of everything that was handed in.
        grounds: digest of all else that decides the grade: checks, seed, released cells, versions.
        seconds: that the checks took.
        versions: of the packages that graded.
        sandbox: "namespaces" when every wall stood round the submission, "none" when none did.
    """

    lab: str
    seed: int
    score: float
    max_score: float
    checks: list[dict[str, Any]]
    reason: str = ""
    notes: list[str] = field(default_factory=list)
    sha256: str = ""
    files: str = ""
    grounds: str = ""
    seconds: float = 0.0
    versions: dict[str, str] = field(default_factory=dict)
    sandbox: str = NONE


def versions() -> dict[str, str]:
    """The packages that grade, and their versions."""
    return {name: version(name) for name in PACKAGES}


def grade_text(text: str, lab: str, name: str, seed: int, *, sandbox: Sandbox) -> GradedReport:
    """The report of a plugin given as the text of a file called ``name``.

    Where a worker was killed from outside its plugin, as by a machine that ran out of memory, all
    is checked once more; what dies again does so by itself.

    Raises:
        InputError: there is no such lab, or a submission can't be isolated here.
    """
    from kernel_sim.checks.run import run_checks  # noqa: PLC0415 - imports every check
    from kernel_sim_grader.blame import withhold  # noqa: PLC0415 - likewise

    facts = lab_facts(lab)
    roles = tuple(facts["roles"])
    plugin = PluginText(name, text, roles)
    source = workers(roles, sandbox)
    started = time.monotonic()
    for _ in range(TRIES):
        deaths = Deaths()
        make_bench = partial(WorkerBench, source, plugin, deaths)
        document = run_checks(lab, make_bench, seed).as_json()
        if not deaths.killed:
            break
    withhold(document, lab, roles, seed)
    report = _report(document, facts, seed)
    report.seconds = round(time.monotonic() - started, 3)
    report.reason = deaths.last
    report.sandbox = told(sandbox)
    return report


def unread(lab: str, seed: int, reason: str) -> GradedReport:
    """The report of a submission of which nothing could be used: no points, and the reason."""
    facts = lab_facts(lab)
    checks = [
        {
            "id": check["id"],
            "points": 0,
            "max_points": check["points"],
            "status": "failed",
            "message": f"the submission could not be read: {reason}",
        }
        for check in facts["checks"]
    ]
    total = sum(check["points"] for check in facts["checks"])
    document = {"lab": lab, "score": 0, "max_score": total, "checks": checks}
    report = _report(document, facts, seed)
    for check in report.checks:
        check["told"] = "counterexample"
    report.reason = reason
    return report


def _report(document: Mapping[str, Any], facts: Mapping[str, Any], seed: int) -> GradedReport:
    """The lab report's JSON as a report of ours."""
    visible = {check["id"] for check in facts["checks"] if check["visible"]}
    hidden = facts["hidden_feedback"]
    checks = [
        {**check, "told": "counterexample" if check["id"] in visible else hidden}
        for check in document["checks"]
    ]
    score, most = float(document["score"]), float(document["max_score"])
    return GradedReport(document["lab"], seed, score, most, checks, versions=versions())


@cache
def lab_facts(lab: str) -> Mapping[str, Any]:
    """What the students' package knows of ``lab``: its roles, checks and feedback level.

    Raises:
        InputError: there is no such lab.
    """
    text = (files("kernel_sim") / "data" / "course.json").read_text(encoding="utf-8")
    labs: Mapping[str, Mapping[str, Any]] = json.loads(text)["labs"]
    if lab not in labs:
        raise unknown_name("lab", lab, labs)
    return labs[lab]


def workers(roles: tuple[str, ...], sandbox: Sandbox) -> WorkerSource:
    """The warm source of workers for a lab's roles: one for this process, ended with it.

    Raises:
        InputError: workers can't be isolated here.
    """
    key = (roles, sandbox)
    if key not in _sources:
        _sources[key] = worker_source(roles, sandbox=sandbox)
        if len(_sources) == 1:
            atexit.register(end_workers)
    return _sources[key]


def end_workers() -> None:
    """End every source of workers of this process."""
    while _sources:
        _sources.popitem()[1].close()


# --- reports that are kept ------------------------------------------------------------------------


def report_path(course: Path, lab: str, student: str) -> Path:
    """Where the report of a student's submission lies."""
    return course / REPORTS / lab / f"{student}.json"


def keep_report(course: Path, student: str, report: GradedReport) -> None:
    """Write the report for the instructor; it holds what hidden checks found."""
    write_report(report_path(course, report.lab, student), report_text(report))


def report_text(report: GradedReport) -> str:
    """The report as JSON."""
    return json.dumps(asdict(report), indent=1, ensure_ascii=False, default=str) + "\n"


def write_report(path: Path, text: str) -> None:
    """Write a report whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def read_report(course: Path, lab: str, student: str) -> dict[str, Any] | None:
    """The kept report, or None if there is none that can be read."""
    try:
        found = json.loads(report_path(course, lab, student).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def is_current(course: Path, lab: str, student: str, files: str, grounds: str) -> bool:
    """Whether just this was graded, by just these checks, seed and versions."""
    report = read_report(course, lab, student) or {}
    return (report.get("files"), report.get("grounds")) == (files, grounds)
