"""Counterexamples of every lab, read and run again: maps of Lab 1, calls of the others."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from kernel_sim.checks.bench import Bench
from kernel_sim.checks.hook_failure import sentence
from kernel_sim.checks.operation_labs import operation_lab
from kernel_sim.checks.operations_counterexample import (
    boot_text,
    picture_of,
    results_text,
)
from kernel_sim.checks.operations_replay import OperationReplay, is_operations, read_operations
from kernel_sim.checks.operations_run import Observation, Turn, film_case
from kernel_sim.checks.operations_text import call_text
from kernel_sim.checks.replay import Replay, read_file, read_replay
from kernel_sim.checks.replay_run import ReplayedStep, run_replay

AnyReplay = Replay | OperationReplay


def load_any(path: Path) -> AnyReplay:
    """The replay in a file.

    Raises:
        InputError: the file can't be read or holds no replay.
    """
    return read_any(read_file(path), where=str(path))


def read_any(document: object, where: str = "replay") -> AnyReplay:
    """The replay that a document, a whole counterexample or a line holds.

    Raises:
        InputError: names what is wrong.
    """
    if isinstance(document, Mapping):
        for key in ("counterexample", "replay"):
            if isinstance(document.get(key), Mapping):
                return read_any(document[key], where)
    if isinstance(document, (str, Mapping)) and is_operations(document):
        return read_operations(document, where)
    return read_replay(document, where)


def run_any(replay: AnyReplay, bench: Bench) -> list[ReplayedStep]:
    """Do all steps, one after another, on one bench.

    Raises:
        InputError: no lab of this name has checks.
    """
    if isinstance(replay, Replay):
        return run_replay(replay, bench)
    make_oracle = operation_lab(replay.lab).make_oracle
    steps: list[ReplayedStep] = []
    for case in replay.cases:
        steps += _steps(film_case(bench, case, make_oracle))
    return steps


def drawings_of(replay: AnyReplay, bench: Bench) -> list[str]:
    """SVG documents of the last boot before and after the call that goes wrong; none for maps."""
    if isinstance(replay, Replay):
        return []
    make_oracle = operation_lab(replay.lab).make_oracle
    seen: Observation | None = None
    for case in replay.cases:
        seen = film_case(bench, case, make_oracle)
    scenes = seen.scenes if seen is not None and seen.violation is not None else []
    return [
        drawn
        for title, scene in zip(("before", "after"), scenes, strict=False)
        if (drawn := scene.svg(title))
    ]


def _steps(seen: Observation) -> list[ReplayedStep]:
    """The boot and the calls of one case; those behind a violation were not made."""
    violation, failure = seen.violation, seen.run.booted.failure
    if failure is not None:
        return [ReplayedStep(boot_text(seen.case), sentence(failure), ok=False)]
    is_boots = violation is not None and seen.at is None
    result = violation.problem if violation is not None and is_boots else "ready"
    steps = [ReplayedStep(boot_text(seen.case), result, ok=False if is_boots else None)]
    for step, call in enumerate(seen.case.calls):
        turns = [turn for turn in seen.turns if turn.step == step]
        steps.append(_step(seen, call_text(call), turns))
        if seen.at is not None and seen.at.step == step:
            break
    return steps


def _step(seen: Observation, text: str, turns: Sequence[Turn]) -> ReplayedStep:
    result = results_text(turns).removeprefix(" → ").removeprefix(": ") or "done"
    if seen.violation is None or seen.at is None or seen.at not in turns:
        return ReplayedStep(text, result, ok=True)
    problem = seen.violation.problem
    told = problem if result == problem else f"{result}: {problem}"
    return ReplayedStep(text, f"{told} ({seen.violation.requirement})", picture_of(seen), ok=False)
