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
NEAR_THE_END: Final = 1000
"""So many bytes of a window are left to small blocks."""
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
    """What shows many a mistake in few lines: large blocks that come and go, the window full."""
    requests = Requests()
    for block in [requests.kmalloc(size) for size in (3000, 3000, 3000)]:
        requests.kfree(block)
    yield requests.at(case.place)
    window = ground_of(case.place).window.length
    if window > MOST_FILLED:
        return
    for size in (200, 1000, 3000):
        script = Script()
        blocks = script.add("kmalloc", size, 8, times=window // size + 2)
        script.add("kfree", replace(blocks, turn=3))
        script.add("kmalloc", 1, 8, times=2)
        yield script.at(case.place)
    script = Script()
    script.add("kmalloc", window - NEAR_THE_END, 8)
    script.add("kmalloc", 24, 8, times=NEAR_THE_END // 24 + 2)
    yield script.at(case.place)


OPERATIONS: Final = OperationLab(
    "lab4",
    "heap",
    HeapOracle,
    places=simpler_places,
    simpler=simpler_calls,
    concept=likely_concept,
    known=short_cases,
    aside=frozenset({"pmm_alloc_frame", "pmm_free_frame"}),
)
AS_ASKED: Final = replace(OPERATIONS, simpler=None)
"""For cases whose sizes are what they are about: fewer steps, but no smaller blocks."""


def judging(rules: AbstractSet[str]) -> OracleMaker:
    """A judge of these rules alone."""
    return partial(HeapOracle, rules=rules)


def examiner(
    subject: Subject,
    check: str,
    rules: AbstractSet[str],
    *,
    batch: int = 256,
    lab: OperationLab = OPERATIONS,
) -> SequenceExaminer:
    """The examiner of one of Lab 4's checks."""
    return SequenceExaminer(lab, subject, check, judging(rules), batch)
