"""What Lab 4 knows about sequences of calls: its oracle, simpler places and simpler requests."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial
from typing import Final

from kernel_sim.checks.heap_diagnosis import likely_concept
from kernel_sim.checks.heap_ground import ground_of
from kernel_sim.checks.heap_model import CPU_FILL
from kernel_sim.checks.heap_oracle import HeapOracle
from kernel_sim.checks.heap_requests import Requests
from kernel_sim.checks.operations import Call, Case, Place, Script
from kernel_sim.checks.operations_check import OperationLab, SequenceExaminer
from kernel_sim.checks.operations_run import OracleMaker
from kernel_sim.checks.subject import Subject

PLAIN: Final = "pc4"
MOST_FILLED: Final = 1 << 18
"""Windows up to so many bytes are filled by small blocks."""
_SIZES: Final = (1, 8, 16, 24, 64, 100, 256, 1000, 4096)


def simpler_places(case: Case) -> Iterable[Place]:
    """The same boot on a plainer machine."""
    if case.place.machine != PLAIN:
        yield replace(case.place, machine=PLAIN, seed=0)


def simpler_calls(call: Call) -> Iterable[Call]:
    """Smaller and rounder requests; less to write."""
    if call.hook == "kmalloc":
        size, align = call.args
        if isinstance(align, int) and align > 8:
            yield replace(call, args=(size, 8))
        for smaller in _SIZES:
            if isinstance(size, int) and smaller < size:
                yield replace(call, args=(smaller, align))
    if call.hook == CPU_FILL and isinstance(call.args[1], int) and call.args[1] > 1:
        yield replace(call, args=(call.args[0], 1, call.args[2]))


def short_cases(case: Case) -> Iterable[Case]:
    """What shows many a mistake in few lines: one block, large blocks, the window full."""
    requests = Requests()
    for size in (3000, 3000, 3000):
        requests.kmalloc(size)
    yield requests.at(case.place)
    window = ground_of(case.place).window.length
    for size in (200, 1000, 3000) if window <= MOST_FILLED else ():
        script = Script()
        script.add("kmalloc", size, 8, times=window // size + 2)
        yield script.at(case.place)


OPERATIONS: Final = OperationLab(
    "lab4",
    "heap",
    HeapOracle,
    places=simpler_places,
    simpler=simpler_calls,
    concept=likely_concept,
    known=short_cases,
)


def judging(rules: AbstractSet[str]) -> OracleMaker:
    """A judge of these rules alone."""
    return partial(HeapOracle, rules=rules)


def examiner(
    subject: Subject, check: str, rules: AbstractSet[str], *, batch: int = 256
) -> SequenceExaminer:
    """The examiner of one of Lab 4's checks."""
    return SequenceExaminer(OPERATIONS, subject, check, judging(rules), batch)
