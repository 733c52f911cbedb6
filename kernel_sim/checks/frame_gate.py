"""The first boot of a Lab 2 plugin: whether it can be asked anything at all.

A hook that is not there, not written, or never returns would be asked a hundred times for the same
answer; here it is asked once, and every check repeats what came of it.
"""

from collections.abc import Callable
from dataclasses import replace

from kernel_sim.checks.check import Check, Result
from kernel_sim.checks.finding import finding_of
from kernel_sim.checks.frame_lab import OPERATIONS
from kernel_sim.checks.frame_oracle import FrameOracle
from kernel_sim.checks.operations import Case, Place, Script
from kernel_sim.checks.operations_check import failure_of, is_costly
from kernel_sim.checks.operations_counterexample import counterexample_of
from kernel_sim.checks.operations_run import Observation, run_case
from kernel_sim.checks.subject import Subject

Verdict = Callable[[Check], Result]
"""What every check says of a plugin that did not come through."""


def first_boot(subject: Subject) -> Verdict | None:
    """None if the checks can go on."""
    case = _first_case()
    seen = run_case(subject, case, _only_failures)
    if is_costly(seen) and subject.loaded.ok:
        subject.renew()
        seen = run_case(subject, case, _only_failures)
    failure = failure_of(seen)
    never_began = seen.run.booted.failure is not None
    unwritten = failure is not None and failure.error == "NotImplementedError"
    hopeless = never_began or unwritten or is_costly(seen)
    return _verdict(seen) if hopeless else None


def _first_case() -> Case:
    script = Script()
    script.add("pmm_alloc_frame")
    return script.at(Place("pc4"))


def _only_failures(place: Place) -> FrameOracle:
    return FrameOracle(place, rules=frozenset())


def _verdict(seen: Observation) -> Verdict:
    violation = seen.violation

    def result(check: Check) -> Result:
        if violation is None:
            return Result.errored("a first boot that went well")
        broken = replace(violation, requirement=check.requirements[0])
        case = counterexample_of(OPERATIONS, check.id, [seen.cut], seen)
        return Result.failed(finding_of(broken, case, failure_of(seen)))

    return result
