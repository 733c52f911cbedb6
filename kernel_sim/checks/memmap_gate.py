"""The first boot of a Lab 1 plugin: whether it can parse the plainest map at all.

A hook that is not there, not written, or never returns would be asked a hundred times for the same
answer; here it is asked once, and every check repeats what came of it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from kernel_sim.checks.bench import Failure
from kernel_sim.checks.check import Check, Result
from kernel_sim.checks.finding import finding_of
from kernel_sim.checks.firmware_map import FirmwareMap
from kernel_sim.checks.hook_failure import COSTLY_KINDS, violation_of
from kernel_sim.checks.memmap_counterexample import of_maps
from kernel_sim.checks.parser_model import Table
from kernel_sim.checks.region_case import Observation, observe
from kernel_sim.checks.region_check import learn_classes
from kernel_sim.checks.subject import Subject
from kernel_sim.machine import machine_spec

QUIET_POISON: Final = 87790
"""With this seed the two bytes behind the count at 0x2004 happen to be zero."""
PC128: Final = FirmwareMap.of(machine_spec("pc128"))

Verdict = Callable[[Check], Result]
"""What every check says of a plugin that did not come through."""


def first_boot(subject: Subject) -> Verdict | None:
    """None if the checks can go on; then the subject knows what they need to know."""
    loaded = subject.loaded.failure
    seen = _not_loaded(loaded) if loaded else observe(subject, PC128)
    failure = seen.failure
    if failure is not None and failure.kind in {"budget", "died"}:
        seen = _confirmed(subject)
        failure = seen.failure
    if failure is None or not _is_hopeless(failure):
        subject.history.append(seen)
        learn_classes(subject)
        return None
    return _verdict(seen, failure)


def _confirmed(subject: Subject) -> Observation:
    """One more run alone; if quiet poison avoids the failure, that is used from now on."""
    subject.renew()
    seen = observe(subject, PC128)
    if seen.failure is None:
        return seen
    subject.renew()
    quiet = observe(subject, PC128, seed=QUIET_POISON)
    if quiet.failure is None and quiet.violation() is None:
        subject.noisy, subject.poison = seen, QUIET_POISON
        return quiet
    return seen


def _is_hopeless(failure: Failure) -> bool:
    return failure.kind in COSTLY_KINDS or failure.error == "NotImplementedError"


def _verdict(seen: Observation, failure: Failure) -> Verdict:
    violation = violation_of(failure)

    def result(check: Check) -> Result:
        broken = replace(violation, requirement=check.requirements[0])
        return Result.failed(finding_of(broken, of_maps(check.id, [seen]), failure))

    return result


def noisy_result(subject: Subject, check: str) -> Result | None:
    """The failure that bytes behind the count lead to, if they do."""
    seen = subject.noisy
    if seen is None or seen.failure is None:
        return None
    violation = replace(violation_of(seen.failure), concept="count-width")
    cause = (
        "With other bytes behind the count at 0x2004 it works: is the count read as 4 or 8 bytes? "
        "It has 2; better still, take boot_info.count."
    )
    case = of_maps(check, [seen])
    return Result.failed(finding_of(violation, case, seen.failure, cause=cause))


def _not_loaded(failure: Failure) -> Observation:
    return Observation(PC128, Table(b"", 0, PC128.entry_size), failure=failure)
