"""An address space: where its tables lie and under which control bits they are read."""

from dataclasses import dataclass

from kernel_sim.errors import KernelError
from kernel_sim.machine.control_bits import CR4_PSE, EFER_NXE
from kernel_sim.machine.machine import Machine
from kernel_sim.machine.paging_modes import PAE, PagingMode, Step, steps
from kernel_sim.machine.ram import Ram
from kernel_sim.machine.spec import PHYSICAL_BITS


@dataclass(frozen=True, slots=True)
class AddressSpace:
    """Tables in ``ram`` from the physical address ``root`` on, in paging ``mode``.

    Reading them this way sets no accessed flag and touches no frame.
    """

    ram: Ram
    mode: PagingMode
    root: int
    pse: bool = False
    nxe: bool = False
    physical_bits: int = PHYSICAL_BITS

    @classmethod
    def of(cls, machine: Machine) -> "AddressSpace":
        """The address space that ``machine`` is in.

        Raises:
            KernelError: paging is off.
        """
        cpu = machine.cpu
        mode = cpu.mode
        if mode is None:
            raise KernelError(cpu.cr0, expected="CR0.PG set: paging is off")
        mask = 0xFFFF_FFE0 if mode is PAE else 0x000F_FFFF_FFFF_F000
        return cls(
            machine.ram,
            mode,
            cpu.cr3 & mask,
            pse=bool(cpu.cr4 & CR4_PSE),
            nxe=bool(cpu.efer & EFER_NXE),
            physical_bits=cpu.mmu.physical_bits,
        )

    def steps(self) -> tuple[Step, ...]:
        """The walker's program for this mode and these controls."""
        return steps(self.mode, self.physical_bits, self.nxe, self.pse)

    def table(self, physical: int, entry_count: int) -> "memoryview[int]":
        """The entries of the table at ``physical``, as unsigned integers."""
        size = self.mode.entry_bytes
        data = self.ram.read(physical, entry_count * size)
        return memoryview(data).cast("Q" if size == 8 else "I")

    def canonical(self, address: int) -> int:
        """``address`` with its highest walked bit copied into the bits above it."""
        bits = self.mode.linear_bits
        if bits > 32 and address >> (bits - 1):
            return address | ((1 << 64) - (1 << bits))
        return address
