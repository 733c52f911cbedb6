"""Descriptor tables of a 32-bit kernel: interrupt gates, flat segments and two tasks (KV-U7).

::

    idt      256 gates; vector v leads to isr_stubs + 16 * v, vector 8 to the task at 0x18
    gdt      0x08 code   0x10 data   0x18 df_tss   0x20 tss
    df_tss   the double fault's own stack, so that an overflowed one can be reported

The double-fault task has its own CR3: `refresh_root` has to be called once paging is on.

References: Intel SDM vol. 3A, 6.11 (gates), 7.2.1 (32-bit TSS).
"""

from functools import lru_cache
from typing import Final

from kernel_sim.host.interrupt_stubs import (
    DOUBLE_FAULT,
    KERNEL_CODE,
    KERNEL_DATA,
    RING_0_STACK_BYTES,
    VECTORS,
    stub_address,
)
from kernel_sim.machine import Cpu
from kernel_sim.machine.descriptors import (
    TSS_32_BYTES,
    code_segment,
    data_segment,
    interrupt_gate,
    task_gate,
    tss_segment,
)

DOUBLE_FAULT_TASK: Final = 0x18
KERNEL_TASK: Final = 0x20
_GATE_BYTES: Final = 8


class ProtectedModeTables:
    """Writes the tables into the kernel image through ``cpu`` and loads their registers."""

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu

    def install_idt(self) -> None:
        """A gate to each stub; IDTR."""
        stubs, idt = self._cpu.symbols["isr_stubs"], self._cpu.symbols["idt"]
        self._cpu.write(idt, _gates(stubs))
        self._cpu.lidt(idt, VECTORS * _GATE_BYTES - 1)

    def install_gdt_and_tss(self) -> None:
        """Segments and tasks, GDTR, the segment registers and TR; vector 8 becomes a task gate."""
        cpu, symbols = self._cpu, self._cpu.symbols
        tasks = {
            "df_tss": symbols["df_stack_top"],
            "tss": symbols["stack_top"] - RING_0_STACK_BYTES,
        }
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
        gate = symbols["idt"] + DOUBLE_FAULT * _GATE_BYTES
        cpu.write(gate, task_gate(DOUBLE_FAULT_TASK))

    def refresh_root(self) -> None:
        """Write the current CR3 into both task states."""
        for name in ("df_tss", "tss"):
            self._cpu.store(self._cpu.symbols[name] + 28, 4, self._cpu.cr3)

    def _task_state(self, stack: int) -> bytes:
        """A TSS that starts in the double-fault stub on ``stack``; both stacks are the same one."""
        state = bytearray(TSS_32_BYTES)
        entry = stub_address(self._cpu.symbols["isr_stubs"], DOUBLE_FAULT)
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


@lru_cache(maxsize=8)
def _gates(stubs: int) -> bytes:
    """An interrupt gate to each of the stubs from ``stubs`` on."""
    gates = (interrupt_gate(stub_address(stubs, v), KERNEL_CODE) for v in range(VECTORS))
    return b"".join(gates)
