"""The simulated x86 machine: RAM, MMU, processor, display and firmware, by the manual's words."""

from kernel_sim.machine.cpu import Cpu
from kernel_sim.machine.firmware.available import available_ranges, backed_ranges, frames_within
from kernel_sim.machine.firmware.conversion import with_firmware
from kernel_sim.machine.firmware.generator import random_spec
from kernel_sim.machine.firmware.mutator import MUTATIONS, mutate
from kernel_sim.machine.machine import Machine, ram_for
from kernel_sim.machine.numa import NumaNode
from kernel_sim.machine.presets import machine_names, machine_spec
from kernel_sim.machine.ram import Ram
from kernel_sim.machine.spec import FirmwareEntry, MachineSpec
from kernel_sim.machine.traps import TrapFrame
from kernel_sim.trace import Trace

__all__ = [
    "MUTATIONS",
    "Cpu",
    "FirmwareEntry",
    "Machine",
    "MachineSpec",
    "NumaNode",
    "Ram",
    "Trace",
    "TrapFrame",
    "available_ranges",
    "backed_ranges",
    "frames_within",
    "machine_names",
    "machine_spec",
    "mutate",
    "ram_for",
    "random_spec",
    "with_firmware",
]
