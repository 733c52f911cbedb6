"""The first boot of a Lab 2 plugin: whether it can be asked anything at all."""

from kernel_sim.checks.frame_lab import OPERATIONS
from kernel_sim.checks.frame_oracle import FrameOracle
from kernel_sim.checks.operations import Case, Place, Script
from kernel_sim.checks.operations_check import failure_of, is_costly
from kernel_sim.checks.operations_gate import Verdict, tried, verdict_of
from kernel_sim.checks.subject import Subject


def first_boot(subject: Subject) -> Verdict | None:
    """None if the checks can go on."""
    seen = tried(subject, _first_case(), _only_failures)
    failure = failure_of(seen)
    never_began = seen.run.booted.failure is not None
    unwritten = failure is not None and failure.error == "NotImplementedError"
    hopeless = never_began or unwritten or is_costly(seen)
    return verdict_of(OPERATIONS, seen) if hopeless else None


def _first_case() -> Case:
    script = Script()
    script.add("pmm_alloc_frame")
    return script.at(Place("pc4"))


def _only_failures(place: Place) -> FrameOracle:
    return FrameOracle(place, rules=frozenset())
