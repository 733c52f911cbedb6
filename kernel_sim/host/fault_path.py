"""The fault path: from a vector to the plugins that decide about it.

The stubs and the descriptor tables lie in the kernel image: `protected_mode_tables` makes those of
a 32-bit kernel, `long_mode_tables` those of a 64-bit one.
"""

from collections.abc import Mapping

from kernel_sim.errors import MachineStopped
from kernel_sim.hooks import Hooks
from kernel_sim.host.interrupt_stubs import (
    DOUBLE_FAULT,
    PAGE_FAULT,
    VECTORS,
    stub_address,
    stub_code,
)
from kernel_sim.host.long_mode_tables import LongModeTables
from kernel_sim.host.observers import Observers
from kernel_sim.host.protected_mode_tables import ProtectedModeTables
from kernel_sim.machine import Machine, TrapFrame
from kernel_sim.values import FaultAction, PageFault


class FaultPath:
    """Installs the tables through the CPU and handles what arrives at the stubs.

    Args:
        machine: whose processor is meant; its firmware says in which mode the kernel runs.
        hooks: to ask `page_fault`.
        observers: are told of each fault first.
        interrupt_stacks: vector → IST number, 1 to 7; for a 64-bit kernel.
    """

    def __init__(
        self,
        machine: Machine,
        hooks: Hooks,
        observers: Observers,
        interrupt_stacks: Mapping[int, int],
    ) -> None:
        self._machine = machine
        self._cpu = machine.cpu
        self._hooks = hooks
        self._observers = observers
        self._tables = (
            LongModeTables(machine.cpu, interrupt_stacks)
            if machine.spec.long_mode
            else ProtectedModeTables(machine.cpu)
        )

    # --- tables -----------------------------------------------------------------------------------

    def install_idt(self) -> None:
        """Write the stubs and the gates where the image is mapped now, register the handlers."""
        stubs = self._cpu.symbols["isr_stubs"]
        self._cpu.write(stubs, stub_code())
        addresses = [stub_address(stubs, vector) for vector in range(VECTORS)]
        handlers = dict.fromkeys(addresses, self._unexpected)
        handlers[addresses[PAGE_FAULT]] = self._page_fault
        handlers[addresses[DOUBLE_FAULT]] = self._double_fault
        self._cpu.register_handlers(handlers)
        self._tables.install_idt()

    def install_gdt_and_tss(self) -> None:
        """Write segments and tasks, load GDTR, the segment registers and TR."""
        self._tables.install_gdt_and_tss()

    def refresh_root(self) -> None:
        """Tell the task states that CR3 has changed."""
        self._tables.refresh_root()

    # --- handlers ---------------------------------------------------------------------------------

    def _page_fault(self, frame: TrapFrame) -> None:
        """Tell the observers, ask the chain; returning means that the access is tried again.

        Raises:
            MachineStopped: nobody answered, or the answer was KILL or PANIC.
        """
        self._observers.tell_fault()
        fault = _page_fault(frame)
        action = self._hooks.page_fault(fault)
        if action is not FaultAction.RETRY:
            what = f"page fault at {fault.address:#x}, error code {fault.error_code:#x}"
            answer = "nobody handled it" if action is None else action.name
            raise self._stopped(f"{what}, at ip {fault.ip:#x}: {answer}")

    def _double_fault(self, frame: TrapFrame) -> None:
        """Report: there is no way back from here."""
        self._observers.tell_fault()
        if self._pushing_faulted():
            self._hooks.page_fault(_page_fault(frame))
        raise self._stopped(
            f"double fault at ip {frame.ip:#x}, sp {frame.sp:#x}, cr2 {frame.cr2:#x}"
        )

    def _pushing_faulted(self) -> bool:
        """Whether a page fault led to the double fault: the event before it says so."""
        faults = [event for event in self._machine.trace.events if event.kind == "fault"]
        return len(faults) > 1 and faults[-2].fields.get("vector") == PAGE_FAULT

    def _unexpected(self, frame: TrapFrame) -> None:
        """A vector that the kernel has no use for: panic."""
        self._observers.tell_fault()
        code = "" if frame.error_code is None else f", error code {frame.error_code:#x}"
        raise self._stopped(f"vector {frame.vector}{code} at ip {frame.ip:#x}")

    def _stopped(self, cause: str) -> MachineStopped:
        return MachineStopped(cause, self._cpu.post_mortem())


def _page_fault(frame: TrapFrame) -> PageFault:
    return PageFault(
        address=frame.cr2,
        error_code=frame.error_code or 0,
        ip=frame.ip,
        sp=frame.sp,
        bp=frame.bp,
        cpl=frame.cpl,
    )
