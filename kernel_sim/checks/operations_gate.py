"""The first boot of a plugin whose lab checks sequences of calls: tried once, told by every check.

A hook that is not there, not written, or never returns would be asked a hundred times for the same
answer; a lab's gate asks it once. What makes a plugin hopeless is the lab's to say.
"""

from collections.abc import Callable
from dataclasses import replace

from kernel_sim.checks.check import Check, Result
from kernel_sim.checks.finding import finding_of
from kernel_sim.checks.operations import Case
from kernel_sim.checks.operations_check import OperationLab, failure_of, is_costly
from kernel_sim.checks.operations_counterexample import counterexample_of
from kernel_sim.checks.operations_run import BATCH, Observation, OracleMaker, run_case
from kernel_sim.checks.subject import Subject

Verdict = Callable[[Check], Result]
"""What every check says of a plugin that did not come through."""


def tried(
    subject: Subject, case: Case, make_oracle: OracleMaker, batch: int = BATCH
) -> Observation:
    """What comes of a first case; what took long or ended the process is confirmed by one more."""
    seen = run_case(subject, case, make_oracle, batch=batch)
    if is_costly(seen) and subject.loaded.ok:
        subject.renew()
        seen = run_case(subject, case, make_oracle, batch=batch)
    return seen


def verdict_of(lab: OperationLab, seen: Observation) -> Verdict:
    """That ``seen`` went wrong, as each check says it."""
    violation = seen.violation

    def result(check: Check) -> Result:
        if violation is None:
            return Result.errored("a first boot that went well")
        broken = replace(violation, requirement=check.requirements[0])
        case = counterexample_of(lab, check.id, [seen.cut], seen)
        return Result.failed(finding_of(broken, case, failure_of(seen)))

    return result
