"""Heaps side by side on allocation traces: how full they keep their memory, and at which cost."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any, Final

from kernel_sim.checks.bench import Run, Scenario
from kernel_sim.checks.heap_tracing import measure
from kernel_sim.checks.local_bench import LocalBench, LocalRun
from kernel_sim.inspection import Meter, metered
from kernel_sim.traces import AllocationTrace

REFERENCES: Final = (
    "kernel_v_heap",
    "kernel_v_heap_best_fit",
    "kernel_v_heap_segregated",
    "kernel_v_heap_buddy",
    "kernel_v_heap_bump",
)
"""The heaps of the package: first fit, best fit, segregated fit, buddy and bump."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One heap on one trace.

    Args:
        heap: the plugin's name.
        trace: the trace's name.
        operations: how many requests the trace has.
        utilization: most bytes in use at one time by bytes held, 0 to 1; 0 if not valid.
        cost: touches of memory for each request.
        walks: page walks in all.
        peak_bytes: bytes of the pages that the heap held.
        valid: whether all was served, and no rule broken.
        problem: why it is not valid.
    """

    heap: str
    trace: str
    operations: int
    utilization: float
    cost: float
    walks: int
    peak_bytes: int
    valid: bool
    problem: str

    def as_json(self) -> dict[str, Any]:
        """The entry as plain data."""
        return asdict(self)


class MeteredBench:
    """A bench for one run at a time; counts from the end of the boot to `stop`."""

    def __init__(self, source: object) -> None:
        self.bench = LocalBench(source, ["heap"])
        self.meter = Meter()
        self._counting = ExitStack()

    def boot(self, scenario: Scenario) -> Run:
        """A new machine."""
        run = self.bench.boot(scenario)
        if isinstance(run, LocalRun):
            self.meter = self._counting.enter_context(metered(run.result.machine))
        return run

    def stop(self) -> Meter:
        """What was counted."""
        self._counting.close()
        self.bench.close()
        return self.meter


def entry(source: object, trace: AllocationTrace) -> Entry:
    """One heap on one trace.

    Raises:
        InputError: ``source`` is no plugin.
    """
    bench = MeteredBench(source)
    try:
        measured = measure(bench, trace, writes=False)
    finally:
        meter = bench.stop()
    return Entry(
        heap=bench.bench.plugin.name,
        trace=trace.name,
        operations=len(trace),
        utilization=round(measured.utilization, 4),
        cost=round(meter.touches / max(len(trace), 1), 1),
        walks=meter.walks,
        peak_bytes=measured.peak_bytes,
        valid=measured.valid,
        problem=measured.problem,
    )


def contest(sources: Iterable[object], traces: Iterable[AllocationTrace]) -> Iterator[Entry]:
    """Every heap on every trace, heap by heap."""
    traces = list(traces)
    return (entry(source, trace) for source in sources for trace in traces)
