"""Builds the processors of a machine: each with its own TLB, registers and local APIC.

They share RAM, the I/O APIC and the ports. A local APIC answers its own processor alone, at the
same address for all; so each processor has a bus of its own.
"""

from kernel_sim.errors import InputError
from kernel_sim.machine.cpu import Cpu
from kernel_sim.machine.cpu_trace import CpuTrace
from kernel_sim.machine.devices.bus import Bus
from kernel_sim.machine.devices.ioapic import IOAPIC, IoApic
from kernel_sim.machine.devices.lapic import LAPIC, LocalApic
from kernel_sim.machine.logged_cpu import LoggedCpu
from kernel_sim.machine.mmu import Mmu
from kernel_sim.machine.operation_log import OperationLog
from kernel_sim.machine.ram import Ram
from kernel_sim.machine.spec import MachineSpec
from kernel_sim.trace import Trace

AP_STACK_BYTES = 0x2000
"""Of processors beside the first one, where the firmware has an e820 table."""


def build_processors(
    spec: MachineSpec, ram: Ram, trace: Trace, log: OperationLog | None = None
) -> list[Cpu]:
    """The processors of ``spec``; with APICs on machines that start in long mode.

    Of a single one without an APIC the operations are noted in ``log``.

    Raises:
        InputError: there is a ``log``, and more than that to note.
    """
    if log is not None:
        if spec.cpu_count > 1 or spec.long_mode:
            raise InputError("no log of operations here", where=f"machine {spec.name}")
        return [LoggedCpu(Bus(ram, trace), Mmu(ram), trace, log)]
    cpus = [_build(number, ram, trace) for number in range(spec.cpu_count)]
    ioapic = IoApic(trace)
    for number, cpu in enumerate(cpus):
        cpu.ports = cpus[0].ports
        if spec.long_mode:
            cpu.lapic = LocalApic(number, cpu.trace)
            cpu.bus.attach(LAPIC, cpu.lapic)
            cpu.bus.attach(IOAPIC, ioapic)
    return cpus


def _build(number: int, ram: Ram, trace: Trace) -> Cpu:
    own = trace if number == 0 else CpuTrace(trace, number)
    return Cpu(Bus(ram, own), Mmu(ram), own)


def clocks_to_next_timer(cpus: list[Cpu], at_most: int) -> int:
    """Bus clocks until the first running timer reaches 0, but no more than ``at_most``."""
    timers = [cpu.lapic.clocks_left() for cpu in cpus if cpu.lapic is not None]
    return min([at_most, *(left for left in timers if left is not None)])
