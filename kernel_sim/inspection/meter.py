"""Counting what a kernel asks of its processor: touches of memory, and walks of the page tables."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from kernel_sim.machine import Machine

_TOUCHES: Final = ("load", "store", "read", "write", "fill")


@dataclass(slots=True)
class Meter:
    """What was counted.

    Args:
        touches: loads and stores that the kernel gave the processor; ``read``, ``write`` and
            ``fill`` count as one each.
        walks: page walks, one for each translation that the TLB lacked.
    """

    touches: int = 0
    walks: int = 0


@contextmanager
def metered(machine: Machine) -> Iterator[Meter]:
    """Count while the block runs; outside of it the processor is as fast as ever.

    Only callers that ask the processor anew for its methods are counted: one that keeps
    ``load = cpu.load`` from before goes past the meter.
    """
    meter = Meter()
    cpu, mmu = vars(machine.cpu), vars(machine.cpu.mmu)

    def counting(method: Callable[..., Any], what: str) -> Callable[..., Any]:
        def counted(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - any method's
            setattr(meter, what, getattr(meter, what) + 1)
            return method(*args, **named)

        return counted

    cpu.update({name: counting(getattr(machine.cpu, name), "touches") for name in _TOUCHES})
    mmu["translate"] = counting(machine.cpu.mmu.translate, "walks")
    try:
        yield meter
    finally:
        for name in _TOUCHES:
            del cpu[name]
        del mmu["translate"]
