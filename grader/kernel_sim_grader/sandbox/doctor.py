"""The self-test behind `ksim doctor`: a worker tries every wall, and the answers are listed."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import kernel_sim_grader
from kernel_sim.errors import InputError
from kernel_sim_grader.isolation import Limits
from kernel_sim_grader.sandbox.attempts import MARK
from kernel_sim_grader.sandbox.modes import Sandbox, chosen, told
from kernel_sim_grader.sandbox.outside import Outside
from kernel_sim_grader.sandbox.probes import Probe, probes
from kernel_sim_grader.sandbox.system_calls import machine
from kernel_sim_grader.sandbox.wall_error import WallError
from kernel_sim_grader.worker_bench import PluginText, WorkerBench
from kernel_sim_grader.worker_sources import Zygote

ROLES: Final = ("memmap",)
LIMITS: Final = Limits(cpu_seconds=1, request_seconds=1.0, load_seconds=3.0)
"""Tight, so that the walls which are limits are met soon."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one attempt; ``answer`` is what the worker, or its end, said."""

    wall: str
    tried: str
    stands: bool
    answer: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Every finding.

    ``sandbox`` is "namespaces", or "none" where no worker could be isolated; then ``refusal`` is
    the line with which grading is refused.
    """

    sandbox: str
    refusal: str
    walls: tuple[Finding, ...]

    @property
    def all_stand(self) -> bool:
        """Whether every wall was tried and stands."""
        return all(item.stands for item in self.walls)

    def as_json(self) -> dict[str, Any]:
        """The diagnosis as plain data."""
        return {**asdict(self), "walls": [asdict(item) for item in self.walls]}


def diagnose(mode: str, on_done: Callable[[str], None] = lambda _: None) -> Diagnosis:
    """Try every wall of a worker that is started in ``mode``.

    Args:
        mode: "auto"; "none" shows what is open where nothing is walled.
        on_done: called with each wall as it has been tried.
    """
    try:
        sandbox = chosen(mode)
        name = machine()
        with Outside() as outside:
            tests = list(probes(outside, name, _secrets()))
            findings = _try_all(tests, sandbox, outside, on_done)
    except (WallError, InputError) as error:
        return Diagnosis(told("none"), str(error), (no_worker(str(error)),))
    return Diagnosis(told(sandbox), "", findings)


def no_worker(reason: str) -> Finding:
    """The one finding where no worker can be started behind walls."""
    return Finding("all", "be isolated", stands=False, answer=reason)


def _try_all(
    tests: list[Probe], sandbox: Sandbox, outside: Outside, on_done: Callable[[str], None]
) -> tuple[Finding, ...]:
    findings: dict[Probe, Finding] = {}
    for filtered in (True, False):
        source = Zygote(ROLES, LIMITS, sandbox, filtered=filtered)
        try:
            for test in tests:
                if test.filtered is filtered:
                    findings[test] = _try(test, source, outside)
                    on_done(test.wall)
        finally:
            source.close()
    return tuple(findings[test] for test in tests)


def _try(test: Probe, source: Zygote, outside: Outside) -> Finding:
    """Load a plugin that makes the attempt as it is loaded.

    Its own word that it was refused counts only where outside shows no trace; an attempt that ends
    the worker has met a wall if a limit ended it.
    """
    bench = WorkerBench(source, PluginText("probe.py", attempt_text(test), ROLES))
    bench.close()
    failure = bench.loaded.failure
    said = failure.message if failure is not None else "it was loaded"
    answer = said.partition(MARK)[2] or said
    refused = answer.startswith("refused ")
    ended = failure is not None and failure.kind == "died" and test.wall == "limits"
    stands = (refused or ended) and not outside.remove_traces()
    return Finding(test.wall, test.tried, stands, answer)


def attempt_text(test: Probe) -> str:
    """A plugin that makes an attempt as soon as it is loaded."""
    text = (files("kernel_sim_grader.sandbox") / "attempts.py").read_text(encoding="utf-8")
    return f"{text}\n\nreport({test.attempt!r}, {json.dumps(test.words)})\n"


def _secrets() -> list[Path]:
    """Files that no worker may read: the grader's, and the graded role's reference."""
    from kernel_sim_kernel_v import memmap  # noqa: PLC0415 - only where it is

    package = Path(kernel_sim_grader.__file__).parent
    return [package / "checks" / "lab1.py", package / "course.py", Path(memmap.__file__)]
