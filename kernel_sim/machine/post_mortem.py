"""What is kept of a machine that stopped: plain data for reports and the screen."""

from collections.abc import Mapping, Sequence
from typing import Final

from kernel_sim.machine.mmu import WalkStep
from kernel_sim.trace import Trace

LAST_EVENTS: Final = 20
LAST_FAULTS: Final = 8


def post_mortem(
    registers: Mapping[str, object], trace: Trace, walk: Sequence[WalkStep]
) -> dict[str, object]:
    """Registers, the last faults and events, and the walk of CR2, as plain data."""
    events = [
        {"number": event.number, "kind": event.kind, **event.fields}
        for event in trace.events[-LAST_EVENTS:]
    ]
    faults = [dict(event.fields) for event in trace.events if event.kind == "fault"]
    return {
        "registers": dict(registers),
        "faults": faults[-LAST_FAULTS:],
        "events": events,
        "walk": [
            {"level": step.level, "entry_address": step.entry_address, "entry": step.entry}
            for step in walk
        ],
    }
