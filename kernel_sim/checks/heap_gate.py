"""The first boot of a Lab 4 plugin: whether it can be asked anything at all.

A heap that does not even serve a first request would keep the rules of blocks that it never had.
"""

from kernel_sim.checks.heap_lab import OPERATIONS
from kernel_sim.checks.heap_oracle import HeapOracle
from kernel_sim.checks.heap_rules import SERVED
from kernel_sim.checks.operations import Case, Place, Script
from kernel_sim.checks.operations_check import is_costly
from kernel_sim.checks.operations_gate import Verdict, tried, verdict_of
from kernel_sim.checks.operations_run import film_case
from kernel_sim.checks.subject import Subject


def first_boot(subject: Subject) -> Verdict | None:
    """None if the checks can go on."""
    seen = tried(subject, _first_case(), _served)
    if seen.violation is None:
        return None
    if not is_costly(seen):
        seen = film_case(subject, seen.cut, _served)
    return verdict_of(OPERATIONS, seen)


def _first_case() -> Case:
    script = Script()
    script.add("kmalloc", 64, 8)
    return script.at(Place("pc4", "heap"))


def _served(place: Place) -> HeapOracle:
    return HeapOracle(place, rules=SERVED)
