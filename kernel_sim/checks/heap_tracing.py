"""Running an allocation trace on a heap, and what it says of the heap: valid, and how full it is.

::

    utilization = most bytes in use at one time / bytes of the pages that the heap held

Both are known without the plugin's word: the trace says what is in use, and the returned addresses
and the bitmap of frames in RAM say what was held.
"""

from dataclasses import dataclass
from typing import Final

from kernel_sim.addr import PAGE_SIZE, align_up
from kernel_sim.checks.check import FAILED, Result
from kernel_sim.checks.finding import Finding, finding_of
from kernel_sim.checks.heap_lab import judging
from kernel_sim.checks.heap_model import CPU_FILL
from kernel_sim.checks.heap_oracle import HeapOracle
from kernel_sim.checks.heap_rules import BLOCKS, BOUNDS, FREES, PAGES
from kernel_sim.checks.operations import Case, Of, Place, Script
from kernel_sim.checks.operations_check import Alone, failure_of
from kernel_sim.checks.operations_run import BATCH, Boots, Breach, Observation, run_case
from kernel_sim.checks.region_rules import Violation
from kernel_sim.checks.subject import Subject
from kernel_sim.traces import AllocationTrace, make_trace
from kernel_sim.traces.allocation_trace import ALLOCATE, FREE

MACHINE: Final = "pc4"
ALIGNMENT: Final = 8
VALID: Final = BLOCKS | BOUNDS | PAGES | FREES
NOTHING: Final = 0.35
"""A mean utilization up to this earns nothing."""
ENOUGH: Final = 0.55
"""From this on it earns all points."""
STEPS: Final = 4
"""In between, so many steps: a little more or less does not change the points."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of one trace.

    Args:
        trace: which one.
        payload: the most bytes in use at one time.
        peak_bytes: bytes of the pages that the heap held, side tables included.
        problem: why the heap is not valid, or could not serve the trace; empty if all is well.
        seen: the run.
    """

    trace: AllocationTrace
    payload: int
    peak_bytes: int
    problem: str
    seen: Observation

    @property
    def valid(self) -> bool:
        """Whether every request was served, and every rule kept."""
        return not self.problem

    @property
    def utilization(self) -> float:
        """Payload by bytes held, 0 to 1; 0 if the heap is not valid."""
        return self.payload / self.peak_bytes if self.valid and self.peak_bytes else 0.0


def case_of(trace: AllocationTrace, place: Place, *, writes: bool = True) -> Case:
    """The trace as hook calls; each block is written, a block that is resized gets a new one."""
    script = Script()
    symbols: dict[int, Of] = {}
    for number, request in enumerate(trace.requests):
        if request.kind == FREE:
            script.add("kfree", symbols.pop(request.block))
            continue
        block = script.add("kmalloc", request.size, ALIGNMENT)
        if writes and request.size:
            script.add(CPU_FILL, block, request.size, number % 251 + 1)
        if request.kind != ALLOCATE:
            script.add("kfree", symbols[request.block])
        symbols[request.block] = block
    return script.at(place)


def measure(
    bench: Boots, trace: AllocationTrace, *, writes: bool = True, batch: int = BATCH
) -> Measured:
    """Run a trace on a freshly booted heap; without writes contents are not judged."""
    place = Place(MACHINE, "heap")
    case = case_of(trace, place, writes=writes)
    seen = run_case(bench, case, judging(VALID), batch=batch)
    oracle = seen.oracle
    if not isinstance(oracle, HeapOracle):
        raise TypeError("a heap is judged by a heap's oracle")
    extent = align_up(max(oracle.highest - oracle.ground.window.start, 0), PAGE_SIZE)
    held = max(oracle.peak_frames * PAGE_SIZE, extent)
    problem = seen.violation.problem if seen.violation else ""
    if not problem and oracle.scarce:
        refused = next(t for t in seen.turns if t.hook == "kmalloc" and t.outcome.value is None)
        problem = f"kmalloc({refused.args[0]}, {ALIGNMENT}) returned None"
    return Measured(trace, trace.peak_payload, held, problem, seen)


def performance_result(subject: Subject, names: tuple[str, ...], seed: int) -> Result:
    """The share of the points by the mean utilization of these traces."""
    if subject.given_up is not None:
        return Result.failed(subject.given_up)
    bench, batch = Alone(subject), 1 if subject.singly else BATCH
    traces = [make_trace(name, seed).without_the_end() for name in names]
    made = [measure(bench, trace, writes=False, batch=batch) for trace in traces]
    mean = sum(item.utilization for item in made) / len(made)
    step = int((mean - NOTHING) / (ENOUGH - NOTHING) * STEPS + 1e-9)
    share = min(max(step, 0), STEPS) / STEPS
    if share == 1.0:
        return Result.passed()
    worst = min(made, key=lambda item: item.utilization)
    return Result(FAILED, _finding(worst, mean), share=share)


def _finding(worst: Measured, mean: float) -> Finding:
    if worst.seen.violation is not None:
        broken: Violation = worst.seen.violation
        return finding_of(broken, None, failure_of(worst.seen))
    problem = (
        f"a mean utilization of {mean:.0%}; trace {worst.trace.name}: "
        f"{worst.problem or f'{worst.payload} bytes in use, {worst.peak_bytes} bytes held'}"
    )
    wanted = f"a mean of {ENOUGH:.0%} or more"
    breach = Breach("utilization", "KV-28", problem, 0, "utilization", wanted, f"{mean:.0%}")
    return finding_of(breach, None)
