"""External interrupts: from the local APIC through the IDT, when RFLAGS.IF lets them in.

A vector goes the way of an exception: gate, stack (IST, RSP0), frame pushed through the MMU,
handler, IRET. It has no error code, and a fault while its frame is pushed is delivered first.

References: Intel SDM vol. 3A, 6.8.1 (IF), 6.12.1 (gates), 6.15 table 6-5 (no double fault).
"""

from typing import cast

from kernel_sim.errors import FaultLoop
from kernel_sim.machine.control_bits import FLAG_IF
from kernel_sim.machine.devices.bus import Bus
from kernel_sim.machine.devices.lapic import LocalApic
from kernel_sim.machine.exceptions import CpuException, Vector
from kernel_sim.machine.load_store import FAULT_LIMIT
from kernel_sim.machine.mmu import Mmu
from kernel_sim.machine.traps import TrapFrame, TrapUnit
from kernel_sim.trace import Trace


class InterruptVector(int):
    """The vector of an external interrupt, 16 to 255."""

    @property
    def name(self) -> str:
        """For reports."""
        return f"INT {int(self):#x}"


class InterruptUnit(TrapUnit):
    """A processor that takes what its local APIC has for it."""

    def __init__(self, bus: Bus, mmu: Mmu, trace: Trace) -> None:
        super().__init__(bus, mmu, trace)
        self.lapic: LocalApic | None = None

    def sti(self) -> None:
        """Set RFLAGS.IF; interrupts that have waited come now."""
        super().sti()
        self.take_interrupts()

    def take_interrupts(self) -> None:
        """Deliver what the local APIC asks for, while IF is set."""
        while self.lapic is not None and self.flags & FLAG_IF:
            vector = self.lapic.acknowledge()
            if vector is None:
                return
            self.trace.emit("interrupt", vector=vector, ip=self.ip, sp=self.sp, cpl=self.cpl)
            self._take(vector)

    def refresh_views(self) -> None:
        """Follow RAM that has moved to a larger block."""
        self._refresh_views()

    def _take(self, vector: int) -> None:
        before = self.save()
        frame, by_task = self._enter_interrupt(vector)
        self._run(frame, before, by_task=by_task)

    def _enter_interrupt(self, vector: int) -> tuple[TrapFrame, bool]:
        """Go through the gate of ``vector``; faults on the way are delivered, then it is retried.

        Raises:
            FaultLoop: eight of them.
        """
        # _enter asks the vector for its number and its name alone
        exception = CpuException(cast("Vector", InterruptVector(vector)))
        for _ in range(FAULT_LIMIT):
            try:
                return self._enter(exception)
            except CpuException as fault:
                last = fault
            self.deliver(last)
        cause = f"{FAULT_LIMIT} faults while interrupt {vector:#x} was being delivered: {last}"
        raise FaultLoop(cause, self.post_mortem(last))
