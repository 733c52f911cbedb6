"""Descriptor tables of a 64-bit kernel: gates with interrupt stacks, flat segments, one TSS.

::

    idt      256 gates of 16 bytes; vector v leads to isr_stubs + 16 * v
    gdt      0x08 code   0x10 data   0x18 tss (16 bytes)
    tss      RSP0 below the top of the boot stack   IST1 df_stack_top

There are no task gates in long mode. A vector that must not trust the stack it interrupts takes one
of seven from the TSS instead: the gate's IST field holds its number from 1 on, 0 means none (C12).
A kernel with a TSS of its own leaves out the step ``gdt_tss`` and only has its gates made here.

References: Intel SDM vol. 3A, 6.14.1 (64-bit gate), 6.14.5 (IST), 7.7 (64-bit TSS).
"""

from collections.abc import Mapping, Sequence
from typing import Final

from kernel_sim.host.interrupt_stubs import (
    KERNEL_CODE,
    KERNEL_DATA,
    RING_0_STACK_BYTES,
    VECTORS,
    stub_address,
)
from kernel_sim.machine import Cpu
from kernel_sim.machine.descriptors import (
    code_segment,
    data_segment,
    interrupt_gate_64,
    tss_segment,
)

KERNEL_TASK: Final = 0x18
TSS_BYTES: Final = 104
_GATE_BYTES: Final = 16
_RSP0: Final = 4
_IST1: Final = 36
_IO_MAP_BASE: Final = 102


class LongModeTables:
    """Writes the tables into the kernel image through ``cpu`` and loads their registers.

    Args:
        cpu: its symbols say where the image is mapped at the time of each call.
        interrupt_stacks: vector → IST number, 1 to 7, as the gate holds it.
    """

    def __init__(self, cpu: Cpu, interrupt_stacks: Mapping[int, int]) -> None:
        self._cpu = cpu
        self._interrupt_stacks = interrupt_stacks

    def install_idt(self) -> None:
        """A gate to each stub; IDTR."""
        stubs, idt = self._cpu.symbols["isr_stubs"], self._cpu.symbols["idt"]
        gates = (
            interrupt_gate_64(
                stub_address(stubs, vector), KERNEL_CODE, ist=self._interrupt_stacks.get(vector, 0)
            )
            for vector in range(VECTORS)
        )
        self._cpu.write(idt, b"".join(gates))
        self._cpu.lidt(idt, VECTORS * _GATE_BYTES - 1)

    def install_gdt_and_tss(self) -> None:
        """Segments and a task state with one interrupt stack; GDTR, segment registers, TR."""
        symbols = self._cpu.symbols
        ring_0 = symbols["stack_top"] - RING_0_STACK_BYTES
        self._cpu.write(symbols["tss"], task_state([symbols["df_stack_top"]], ring_0=ring_0))
        load_gdt(self._cpu, symbols["gdt"], symbols["tss"])

    def refresh_root(self) -> None:
        """Do nothing: a 64-bit TSS holds no CR3."""


def task_state(interrupt_stacks: Sequence[int], *, ring_0: int = 0) -> bytes:
    """A 64-bit TSS: tops of the stacks IST1, IST2, and so on, and of the one for faults from CPL 3.

    The I/O map lies beyond the limit: CPL 3 may use no port.
    """
    state = bytearray(TSS_BYTES)
    state[_RSP0 : _RSP0 + 8] = ring_0.to_bytes(8, "little")
    for index, top in enumerate(interrupt_stacks):
        state[_IST1 + 8 * index : _IST1 + 8 * index + 8] = top.to_bytes(8, "little")
    state[_IO_MAP_BASE : _IO_MAP_BASE + 2] = TSS_BYTES.to_bytes(2, "little")
    return bytes(state)


def load_gdt(cpu: Cpu, gdt: int, tss: int) -> None:
    """Write code, data and task segments at ``gdt``; load GDTR, then CS, DS, ES, SS, then TR."""
    table = bytes(8) + code_segment(long=True) + data_segment() + tss_segment(tss, long=True)
    cpu.write(gdt, table)
    cpu.lgdt(gdt, len(table) - 1)
    cpu.load_segment("cs", KERNEL_CODE)
    for register in ("ds", "es", "ss"):
        cpu.load_segment(register, KERNEL_DATA)
    cpu.ltr(KERNEL_TASK)
