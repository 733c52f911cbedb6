"""The first boot of a Lab 3 plugin: without tables there is nothing to look at."""

from kernel_sim.checks.operations_check import failure_of
from kernel_sim.checks.operations_gate import Verdict, tried, verdict_of
from kernel_sim.checks.paging_cases import building
from kernel_sim.checks.paging_lab import ONE_BY_ONE, OPERATIONS, judging
from kernel_sim.checks.paging_places import SMALL
from kernel_sim.checks.subject import Subject


def first_boot(subject: Subject) -> Verdict | None:
    """None if the checks can go on."""
    seen = tried(subject, building(SMALL), judging(), ONE_BY_ONE)
    return verdict_of(OPERATIONS, seen) if failure_of(seen) is not None else None
