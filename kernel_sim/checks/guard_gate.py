"""The first boot of a Lab 5 plugin: whether it loads, and its observers return."""

from kernel_sim.checks.guard_lab import OPERATIONS, judging
from kernel_sim.checks.operations import Place, Script
from kernel_sim.checks.operations_check import is_costly
from kernel_sim.checks.operations_gate import Verdict, tried, verdict_of
from kernel_sim.checks.subject import Subject


def first_boot(subject: Subject) -> Verdict | None:
    """None if the checks can go on."""
    script = Script()
    script.add("pmm_alloc_frame")
    seen = tried(subject, script.at(Place("pc4", until="heap")), judging(frozenset()))
    return verdict_of(OPERATIONS, seen) if is_costly(seen) else None
