"""One kernel's row in a comparison."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Final

from kernel_sim.boot import Boot, boot
from kernel_sim.comparison.contender import Contender
from kernel_sim.comparison.workload import WORKLOADS, Sample, Work, sample
from kernel_sim.errors import MachineStopped
from kernel_sim.inspection import AddressSpace, Meter, metered, sweep, table_frames
from kernel_sim.nearest import unknown_name

SAMPLE_EVERY: Final = 16
"""Requests between two samples."""


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of one kernel. Bytes, frames of 4 KiB, and counts.

    Args:
        name: the contender's.
        profile: its profile.
        machine: where it booted.
        problem: why the boot or the workload ended early; empty if all went well.
        steps: boot steps taken.
        boot_events: numbered events of the boot.
        frames_used: frames in use after the boot, by the allocator's own counters.
        table_frames: frames that hold page tables.
        mapped_bytes: what the tables map.
        pages: leaf entries that map it.
        tlb_entries: translations in the TLB after the workload; it never evicts.
        tlb_reach: bytes that they cover.
        requests: of the workload.
        refused: reason → how often a request was refused for it.
        touches: loads and stores of the workload, for each request.
        walks: page walks of the workload, for each request.
        faults: exceptions that were delivered, from power-on to the end.
        survived: faults that a handler ended with RETRY.
        samples: the state over the workload.
    """

    name: str
    profile: str
    machine: str
    problem: str
    steps: int
    boot_events: int
    frames_used: int | None
    table_frames: int
    mapped_bytes: int
    pages: int
    tlb_entries: int
    tlb_reach: int
    requests: int
    refused: dict[str, int]
    touches: float
    walks: float
    faults: int
    survived: int
    samples: list[Sample]

    def as_json(self) -> dict[str, Any]:
        """The row as plain data."""
        return asdict(self)


def compared(contestant: Contender, workload: str, machine: str | None = None) -> Row:
    """Boot a kernel on its own machine, or ``machine``, and run a workload on it.

    Raises:
        InputError: no such workload, plugin or machine, or a machine that can't boot it.
    """
    if workload not in WORKLOADS:
        raise unknown_name("workload", workload, WORKLOADS)
    run = boot(contestant.profile, machine, contestant.roles)
    problem = "" if run.oops is None else run.oops.message
    events, start = len(run.machine.trace.events), sample(run, 0) if run.ok else None
    mapped = [] if run.machine.cpu.mode is None else sweep(AddressSpace.of(run.machine))
    tables = 0 if run.machine.cpu.mode is None else len(table_frames(AddressSpace.of(run.machine)))
    works: list[Work] = []
    samples = [] if start is None else [start]
    with metered(run.machine) as meter:
        if run.ok:
            problem = _work(run, workload, meter, works, samples)
        touches, walks = meter.touches, meter.walks
    cached = run.machine.cpu.tlb.entries()
    return Row(
        name=contestant.name,
        profile=contestant.profile,
        machine=run.machine.spec.name,
        problem=problem,
        steps=len(run.steps),
        boot_events=events,
        frames_used=None if start is None else start.frames_used,
        table_frames=tables,
        mapped_bytes=sum(item.length for item in mapped),
        pages=sum(item.length // item.size for item in mapped),
        tlb_entries=len(cached),
        tlb_reach=sum(1 << entry.shift for entry in cached),
        requests=len(works),
        refused=dict(Counter(work.refused for work in works if not work.served)),
        touches=round(touches / max(len(works), 1), 1),
        walks=round(walks / max(len(works), 1), 2),
        faults=len(run.faults),
        survived=sum(
            event.fields.get("hook") == "page_fault" and event.fields.get("result") == "RETRY"
            for event in run.machine.trace.events
        ),
        samples=samples,
    )


def _work(run: Boot, workload: str, meter: Meter, works: list[Work], samples: list[Sample]) -> str:
    """Run the workload; why it ended early, or nothing. Taking samples is not metered."""
    try:
        for work in WORKLOADS[workload](run):
            works.append(work)
            if len(works) % SAMPLE_EVERY == 0:
                before = meter.touches, meter.walks
                samples.append(sample(run, len(works)))
                meter.touches, meter.walks = before
    except MachineStopped as stopped:
        return stopped.cause
    return ""
