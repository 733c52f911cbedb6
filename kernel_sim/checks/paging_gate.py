"""The first boot of a Lab 3 plugin: whether it can be asked anything at all.

Without tables there is nothing to look at. An `init_paging` that is not there, not written, fails
or never returns is asked once, and every check repeats what came of it.
"""

from collections.abc import Callable
from dataclasses import replace

from kernel_sim.checks.check import Check, Result
from kernel_sim.checks.finding import finding_of
from kernel_sim.checks.operations_check import failure_of, is_costly
from kernel_sim.checks.operations_counterexample import counterexample_of
from kernel_sim.checks.operations_run import Observation, run_case
from kernel_sim.checks.paging_cases import building
from kernel_sim.checks.paging_lab import ONE_BY_ONE, OPERATIONS, judging
from kernel_sim.checks.paging_places import SMALL
from kernel_sim.checks.subject import Subject

Verdict = Callable[[Check], Result]
"""What every check says of a plugin that did not come through."""


def first_boot(subject: Subject) -> Verdict | None:
    """None if the checks can go on."""
    case, judge = building(SMALL), judging()
    seen = run_case(subject, case, judge, batch=ONE_BY_ONE)
    if is_costly(seen) and subject.loaded.ok:
        subject.renew()
        seen = run_case(subject, case, judge, batch=ONE_BY_ONE)
    return _verdict(seen) if failure_of(seen) is not None else None


def _verdict(seen: Observation) -> Verdict:
    violation = seen.violation

    def result(check: Check) -> Result:
        if violation is None:
            return Result.errored("a first boot that went well")
        broken = replace(violation, requirement=check.requirements[0])
        case = counterexample_of(OPERATIONS, check.id, [seen.cut], seen)
        return Result.failed(finding_of(broken, case, failure_of(seen)))

    return result
