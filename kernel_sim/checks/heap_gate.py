"""The first boot of a Lab 4 plugin: whether it can be asked anything at all.

A hook that is not there, fails at its first call, or never returns would be asked a hundred times
for the same answer; here it is asked once, and every check repeats what came of it. The same with a
heap that does not even serve a first request: it would keep the rules of blocks that it never had.
"""

from collections.abc import Callable
from dataclasses import replace

from kernel_sim.checks.check import Check, Result
from kernel_sim.checks.finding import finding_of
from kernel_sim.checks.heap_lab import OPERATIONS
from kernel_sim.checks.heap_oracle import HeapOracle
from kernel_sim.checks.heap_rules import SERVED
from kernel_sim.checks.operations import Case, Place, Script
from kernel_sim.checks.operations_check import failure_of, is_costly
from kernel_sim.checks.operations_counterexample import counterexample_of
from kernel_sim.checks.operations_run import Observation, film_case, run_case
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
    if seen.violation is None:
        return None
    return _verdict(seen if is_costly(seen) else film_case(subject, seen.cut, _only_failures))


def _first_case() -> Case:
    script = Script()
    script.add("kmalloc", 64, 8)
    return script.at(Place("pc4", "heap"))


def _only_failures(place: Place) -> HeapOracle:
    return HeapOracle(place, rules=SERVED)


def _verdict(seen: Observation) -> Verdict:
    violation = seen.violation

    def result(check: Check) -> Result:
        if violation is None:
            return Result.errored("a first boot that went well")
        broken = replace(violation, requirement=check.requirements[0])
        case = counterexample_of(OPERATIONS, check.id, [seen.cut], seen)
        return Result.failed(finding_of(broken, case, failure_of(seen)))

    return result
