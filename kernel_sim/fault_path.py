"""Interrupt stubs, descriptor tables and the fault path.

From a vector to the plugins that decide about it.

The kernel image holds the tables (KV-U7)::

    idt      256 gates; vector v leads to isr_stubs + 16 * v, vector 8 to the task at 0x18
    gdt      0x08 code   0x10 data   0x18 df_tss   0x20 tss
    df_tss   the double fault's own stack, so that an overflowed one can be reported

The double-fault task has its own CR3: `refresh_root` has to be called once paging is on.
"""

from collections.abc import Callable
from typing import Final

from kernel_sim.errors import MachineStopped
from kernel_sim.hooks import Hooks
from kernel_sim.machine import Machine, TrapFrame
from kernel_sim.machine.descriptors import (
    TSS_32_BYTES,
    code_segment,
    data_segment,
    interrupt_gate,
    task_gate,
    tss_segment,
)
from kernel_sim.observers import Observers
from kernel_sim.values import FaultAction, PageFault

VECTORS: Final = 256
STUB_BYTES: Final = 16
DOUBLE_FAULT: Final = 8
PAGE_FAULT: Final = 14
KERNEL_CODE: Final = 0x08
KERNEL_DATA: Final = 0x10
DOUBLE_FAULT_TASK: Final = 0x18
KERNEL_TASK: Final = 0x20
_GATE_BYTES: Final = 8
_RING_0_STACK_BYTES: Final = 0x2000
"""So far below the top of the boot stack faults from CPL 3 put their frames."""


class FaultPath:
    """Installs the tables through the CPU and handles what arrives at the stubs."""

    def __init__(self, machine: Machine, hooks: Hooks, observers: Observers) -> None:
        self._machine = machine
        self._cpu = machine.cpu
        self._hooks = hooks
        self._observers = observers
        self._symbols = machine.boot_info.symbols

    # --- tables -----------------------------------------------------------------------------------

    def install_idt(self) -> None:
        """Write the stubs and the gates, register the handlers, load IDTR."""
        stubs, idt = self._symbols["isr_stubs"], self._symbols["idt"]
        self._cpu.write(stubs, b"".join(map(_stub, range(VECTORS))))
        addresses = [stubs + STUB_BYTES * vector for vector in range(VECTORS)]
        self._cpu.write(idt, b"".join(interrupt_gate(at, KERNEL_CODE) for at in addresses))
        for vector, at in enumerate(addresses):
            self._cpu.register_handler(at, self._handler(vector))
        self._cpu.lidt(idt, VECTORS * _GATE_BYTES - 1)

    def install_gdt_and_tss(self) -> None:
        """Write segments and tasks, load GDTR, the segment registers and TR.

        Vector 8 becomes a task gate.
        """
        symbols, cpu = self._symbols, self._cpu
        tasks = {"df_tss": symbols["df_stack_top"], "tss": self._ring_0_stack()}
        for name, stack in tasks.items():
            cpu.write(symbols[name], self._task_state(stack))
        table = b"".join(
            (
                bytes(8),
                code_segment(),
                data_segment(),
                tss_segment(symbols["df_tss"]),
                tss_segment(symbols["tss"]),
            )
        )
        cpu.write(symbols["gdt"], table)
        cpu.lgdt(symbols["gdt"], len(table) - 1)
        cpu.load_segment("cs", KERNEL_CODE)
        for register in ("ds", "es", "ss"):
            cpu.load_segment(register, KERNEL_DATA)
        cpu.ltr(KERNEL_TASK)
        gate = self._symbols["idt"] + DOUBLE_FAULT * _GATE_BYTES
        cpu.write(gate, task_gate(DOUBLE_FAULT_TASK))

    def refresh_root(self) -> None:
        """Write the current CR3 into both task states."""
        for name in ("df_tss", "tss"):
            self._cpu.store(self._symbols[name] + 28, 4, self._cpu.cr3)

    def _ring_0_stack(self) -> int:
        return self._machine.boot_info.stack.end - _RING_0_STACK_BYTES

    def _task_state(self, stack: int) -> bytes:
        """A TSS that starts in the double-fault stub on ``stack``; both stacks are the same one."""
        state = bytearray(TSS_32_BYTES)
        entry = self._symbols["isr_stubs"] + STUB_BYTES * DOUBLE_FAULT
        for offset, value in (
            (4, stack),
            (8, KERNEL_DATA),
            (32, entry),
            (36, 2),
            (56, stack),
            (72, KERNEL_DATA),
            (76, KERNEL_CODE),
            (80, KERNEL_DATA),
            (84, KERNEL_DATA),
        ):
            state[offset : offset + 4] = value.to_bytes(4, "little")
        return bytes(state)

    # --- handlers ---------------------------------------------------------------------------------

    def _handler(self, vector: int) -> Callable[[TrapFrame], None]:
        if vector == PAGE_FAULT:
            return self._page_fault
        return self._double_fault if vector == DOUBLE_FAULT else self._unexpected

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


def _stub(vector: int) -> bytes:
    """``push vector; iret`` and padding: what a disassembler would show."""
    return bytes((0x68, vector, 0, 0, 0, 0xCF)).ljust(STUB_BYTES, b"\x90")
