"""QEMU as another opinion: real exceptions, delivered through an IDT in the guest's memory.

Registers are set and instructions stepped through QEMU's GDB stub; memory is shared with this
process. An access that faults ends at the first instruction of the vector's handler, with the error
code on the exception stack, where it is read.
"""

import struct
from typing import Final

from kernel_sim.conformance import harness, qemu_start
from kernel_sim.conformance.divergences import (
    KnownDivergence,
    qemu_excuse,
    qemu_memory,
    with_leaves_accessed,
)
from kernel_sim.conformance.guest import Guest
from kernel_sim.conformance.model_engine import ModelEngine
from kernel_sim.conformance.qemu_process import QemuProcess
from kernel_sim.conformance.scene import (
    FETCH,
    HARNESS,
    PDPT,
    READ,
    WRITTEN,
    Observation,
    Probe,
    Scene,
)
from kernel_sim.machine.control_bits import (
    CR0_PE,
    CR0_PG,
    CR0_WP,
    EFER_LMA,
    EFER_LME,
    FLAG_AC,
    FLAG_FIXED,
)
from kernel_sim.machine.exceptions import WITH_ERROR_CODE, Vector
from kernel_sim.machine.paging_modes import PagingMode

RAX, RBX, RSP, RIP, EFLAGS = 0, 1, 7, 16, 17
CR0, CR2, CR3, CR4, EFER = 27, 28, 29, 30, 32
"""Register numbers of QEMU's GDB stub for x86-64."""
MEMORY_BYTES: Final = 0x100_0000
MOST_MEMORY: Final = 0xB000_0000
"""Above, QEMU's PC has its PCI hole."""
_GENERAL: Final = range(7)
_NOWHERE: Final = 0x9000
"""An unmapped page of the harness: where the registers point while fetched bytes are executed."""
_HLT: Final = 0x100


class QemuEngine:
    """One emulated processor in one paging mode.

    Args:
        mode: the paging mode.
        memory_bytes: installed memory.

    Raises:
        InputError: QEMU is not installed.
    """

    name = "qemu"

    def __init__(self, mode: PagingMode, memory_bytes: int = MEMORY_BYTES) -> None:
        self._long = mode.linear_bits > 32
        self._qemu = QemuProcess(memory_bytes)
        self._gdb = self._qemu.gdb
        self._memory = self._qemu.memory
        self._guest: Guest | None = None
        self._base = 0
        self._user = False

    def close(self) -> None:
        """End the emulator."""
        self._qemu.close()

    # --- setting up

    def enter(self, guest: Guest) -> None:
        """Take over memory and control bits."""
        for start, data in guest.frames.items():
            self._memory[start : start + len(data)] = data
        if self._guest is None:
            qemu_start.into_paging(self._gdb, self._memory, guest)
        elif self._user:
            self._leave_user_mode()
        self._guest = guest
        self._base = guest.harness.base
        gdb = self._gdb
        gdb.write_register(CR4, guest.cr4)
        gdb.write_register(EFER, guest.efer | (EFER_LME | EFER_LMA if self._long else 0))
        gdb.write_register(CR3, guest.root)
        gdb.write_register(CR0, CR0_PE | CR0_PG | (CR0_WP if guest.write_protect else 0))

    def run(self, scene: Scene) -> tuple[list[Observation], bytes]:
        """What each probe of ``scene`` met, and all of memory below the harness afterwards."""
        self._memory[:HARNESS] = bytes(HARNESS)
        self.enter(scene.guest())
        observations = [self.observe(probe) for probe in scene.probes]
        return observations, self._memory[:HARNESS]

    @staticmethod
    def excuse(machine: Observation, emulator: Observation) -> KnownDivergence | None:
        """The known divergence that explains this difference."""
        return qemu_excuse(machine, emulator)

    @staticmethod
    def comparable(memory: bytes, model: ModelEngine) -> bytes:
        """``memory`` with what is known to differ made equal."""
        return qemu_memory(with_leaves_accessed(memory, model.faulting_leaves), PDPT)

    # --- running

    def observe(self, probe: Probe) -> Observation:
        """Carry out one access with a cold TLB."""
        guest = self._entered()
        gdb = self._gdb
        if self._user:
            self._leave_user_mode()
        gdb.write_register(EFLAGS, FLAG_FIXED, 4)
        gdb.write_register(CR3, guest.root)
        if probe.user:
            gdb.write_register(RSP, self._base + harness.IRET_FRAME)
            gdb.write_register(RIP, self._base + harness.IRET)
            gdb.step()
            self._user = True
        else:
            gdb.write_register(RSP, self._base + harness.EXCEPTION_STACK)
        if probe.ac:
            gdb.write_register(EFLAGS, FLAG_FIXED | FLAG_AC, 4)
        return self._access(probe)

    def _access(self, probe: Probe) -> Observation:
        gdb = self._gdb
        if probe.kind == FETCH:
            for number in _GENERAL:
                gdb.write_register(number, self._base + _NOWHERE)
            gdb.write_register(RIP, probe.address)
        else:
            gdb.write_register(RAX, WRITTEN)
            gdb.write_register(RBX, probe.address)
            code = harness.LOAD if probe.kind == READ else harness.STORE
            code += harness.USER_CODE if probe.user else 0
            gdb.write_register(RIP, self._base + code)
        gdb.step()
        return self._outcome(probe)

    def _outcome(self, probe: Probe) -> Observation:
        registers = self._gdb.registers()
        ip = struct.unpack_from("<Q", registers, 8 * RIP)[0]
        vector = ip - self._base - harness.HANDLERS
        if not 0 <= vector < harness.VECTORS:
            value = struct.unpack_from("<I", registers, 8 * RAX)[0]
            return Observation(None, value=value if probe.kind == READ else None)
        self._user = False
        stack = struct.unpack_from("<Q", registers, 8 * RSP)[0]
        code, faulting_ip = self._frame(stack)
        cr2 = self._gdb.read_register(CR2) if vector == Vector.PF else None
        if probe.kind == FETCH and (faulting_ip != probe.address or cr2 != probe.address):
            return Observation(None)
        has_code = vector in WITH_ERROR_CODE
        return Observation(vector, code if has_code else 0, cr2)

    def _frame(self, stack: int) -> tuple[int, int]:
        """The error code and the instruction pointer on the exception stack."""
        start = self._entered().harness.physical + stack - self._base
        code, ip = struct.unpack_from("<QQ" if self._long else "<II", self._memory, start)
        return code, ip

    def _leave_user_mode(self) -> None:
        """HLT in CPL 3 is a #GP, which leads back to CPL 0."""
        self._gdb.write_register(CR3, self._entered().root)
        self._gdb.write_register(RIP, self._base + harness.USER_CODE + _HLT)
        self._gdb.step()
        self._user = False

    def _entered(self) -> Guest:
        if self._guest is None:
            raise RuntimeError("no guest was entered")
        return self._guest

    # --- for verify

    def translate(self, address: int) -> int | None:
        """The physical address QEMU finds for ``address``; None if nothing is mapped there."""
        answer = self._qemu.ask(f"gva2gpa {address:#x}")
        _, found, number = answer.partition("gpa: ")
        return int(number.split()[0], 16) if found else None

    def write(self, physical: int, data: bytes) -> None:
        """Put ``data`` into the emulator's memory."""
        self._memory[physical : physical + len(data)] = data
