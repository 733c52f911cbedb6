"""What Lab 2 knows about sequences of calls: its oracle, and simpler machines to fail on."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial
from typing import Final

from kernel_sim.checks.frame_cases import well_known
from kernel_sim.checks.frame_oracle import FrameOracle
from kernel_sim.checks.operations import Case, Place
from kernel_sim.checks.operations_check import OperationLab, SequenceExaminer
from kernel_sim.checks.operations_run import OracleMaker
from kernel_sim.checks.subject import Subject

PLAIN: Final = ("pc4", "24 0x0+0x9fc00:1 0x100000+0x45000:1", "24 0x100000+0x80000:1")
"""Machines that are easier to read than one made at random."""


def simpler_places(case: Case) -> Iterable[Place]:
    """The same boot on a plainer machine."""
    for machine in PLAIN:
        if machine != case.place.machine and case.place.until == "pmm":
            yield replace(case.place, machine=machine, seed=0)


OPERATIONS: Final = OperationLab("lab2", "pmm", FrameOracle, simpler_places, known=well_known)


def judging(rules: AbstractSet[str]) -> OracleMaker:
    """A judge of these rules alone."""
    return partial(FrameOracle, rules=rules)


def examiner(
    subject: Subject, check: str, rules: AbstractSet[str], *, batch: int = 256
) -> SequenceExaminer:
    """The examiner of one of Lab 2's checks."""
    return SequenceExaminer(OPERATIONS, subject, check, judging(rules), batch)
