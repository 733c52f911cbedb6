"""Unicorn as the second opinion: the same tables, the same control bits, the same accesses.

Unicorn has no call for the error code of an exception: it stands in the context that can be saved,
at an offset found by provoking faults whose codes are known. Only the first exception of a probe
counts: a fault on a fetch is raised once more before the emulator stops, and left pending. A
harmless instruction run after it takes that away, and restoring a saved context before each probe
clears the memory of an earlier exception, which would make a double fault of the next.
"""

import ctypes
import struct
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.conformance import harness
from kernel_sim.conformance.divergences import KnownDivergence, with_leaves_accessed
from kernel_sim.conformance.guest import Guest
from kernel_sim.conformance.model_engine import ModelEngine
from kernel_sim.conformance.scene import (
    FETCH,
    HARNESS,
    NO_RAM_VECTOR,
    READ,
    WRITTEN,
    Observation,
    Probe,
    Scene,
)
from kernel_sim.errors import InputError
from kernel_sim.machine.control_bits import (
    CR0_PE,
    CR0_PG,
    CR0_WP,
    CR4_SMAP,
    EFER_LMA,
    EFER_LME,
    FLAG_AC,
    MSR_EFER,
)
from kernel_sim.machine.exceptions import Vector
from kernel_sim.machine.paging_modes import PagingMode
from kernel_sim.values import AddrRange


def load_unicorn() -> tuple[Any, Any, Any]:
    """The modules ``unicorn``, ``unicorn.unicorn_const`` and ``unicorn.x86_const``.

    Raises:
        InputError: Unicorn is not installed.
    """
    try:
        import unicorn  # noqa: PLC0415 - an optional extra
        from unicorn import unicorn_const, x86_const  # noqa: PLC0415
    except ImportError:
        raise InputError(
            "Unicorn is not installed", expected="pip install 'kernel-sim[verify]'"
        ) from None
    return unicorn, unicorn_const, x86_const


class UnicornEngine:
    """One emulated processor in one paging mode; `run` takes scene after scene.

    Raises:
        InputError: Unicorn is not installed.
    """

    name = "unicorn"

    def __init__(self, mode: PagingMode) -> None:
        self._unicorn, self._const, self._x86 = load_unicorn()
        self._mode = mode
        self._long = mode.linear_bits > 32
        self._uc = self._new_processor()
        self._ranges: tuple[AddrRange, ...] = ()
        self._spare = self._uc.context_save()
        self._error_code_offset = 0
        self._exception: tuple[int, int, int] | None = None
        self._uc.hook_add(self._const.UC_HOOK_INTR, self._on_exception)
        self._uc.hook_add(self._const.UC_HOOK_CODE, self._on_fetched)

    @cached_property
    def _translate(self) -> Any:  # noqa: ANN401
        from unicorn.unicorn_py3.unicorn import uclib  # noqa: PLC0415

        function = uclib.uc_vmem_translate
        function.argtypes = (
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.c_uint32,
            ctypes.POINTER(ctypes.c_uint64),
        )
        return function

    @property
    def _handle(self) -> Any:  # noqa: ANN401
        return self._uc._uch  # noqa: SLF001 - the binding keeps the library's handle there

    def _new_processor(self) -> Any:  # noqa: ANN401 - the library has no types
        width = self._const.UC_MODE_64 if self._long else self._const.UC_MODE_32
        uc = self._unicorn.Uc(self._const.UC_ARCH_X86, width)
        uc.ctl_set_cpu_model(self._x86.UC_CPU_X86_ICELAKE_SERVER)
        return uc

    def register(self, name: str) -> int:
        """The register's number by its name less the width letter, such as ``IP`` or ``BX``."""
        number: int = getattr(self._x86, f"UC_X86_REG_{'R' if self._long else 'E'}{name}")
        return number

    def _on_exception(self, uc: Any, vector: int, _data: object) -> None:  # noqa: ANN401
        if self._exception is None:
            uc.context_update(self._spare)
            code = 0
            if self._error_code_offset:
                code = struct.unpack_from("<I", self._blob(), self._error_code_offset)[0]
            self._exception = (vector, code, uc.reg_read(self._x86.UC_X86_REG_CR2))
            uc.emu_stop()

    def _on_fetched(self, uc: Any, address: int, _size: int, _data: object) -> None:  # noqa: ANN401
        if not self._base <= address < self._base + harness.SIZE_BYTES:
            uc.emu_stop()

    def _blob(self) -> bytes:
        return ctypes.string_at(self._spare.context, self._spare.size)

    # --- setting up

    def _map(self, guest: Guest) -> None:
        """Give the processor exactly the guest's memory."""
        if guest.ranges != self._ranges:
            for item in self._ranges:
                self._uc.mem_unmap(item.start, item.length)
            self._ranges = guest.ranges
            for item in self._ranges:
                self._uc.mem_map(item.start, item.length)
        for start, data in guest.frames.items():
            self._uc.mem_write(start, data)

    def close(self) -> None:
        """Nothing to end: the emulator lives in this process."""

    def enter(self, guest: Guest) -> None:
        """Take over memory and control bits; keeps a saved context for CPL 0 and one for CPL 3."""
        self._uc.context_restore(self._pristine)
        self._map(guest)
        self._base = guest.harness.base
        uc, x86 = self._uc, self._x86
        uc.reg_write(x86.UC_X86_REG_CR0, CR0_PE)
        uc.reg_write(x86.UC_X86_REG_CR4, 0)
        uc.reg_write(x86.UC_X86_REG_CR3, guest.root)
        uc.reg_write(x86.UC_X86_REG_CR4, guest.cr4 & ~CR4_SMAP)
        efer = guest.efer | (EFER_LME | EFER_LMA if self._long else 0)
        uc.reg_write(x86.UC_X86_REG_MSR, (MSR_EFER, efer))
        uc.reg_write(x86.UC_X86_REG_GDTR, (0, self._base + harness.GDT, 5 * 8 - 1, 0))
        uc.reg_write(x86.UC_X86_REG_CR0, CR0_PE | CR0_PG | (CR0_WP if guest.write_protect else 0))
        self._flush()
        if not self._long:
            uc.reg_write(x86.UC_X86_REG_SS, harness.KERNEL_SS)
            uc.reg_write(x86.UC_X86_REG_DS, harness.USER_SS)
        uc.reg_write(x86.UC_X86_REG_CR4, guest.cr4)
        supervisor = uc.context_save()
        uc.reg_write(self.register("SP"), self._base + harness.IRET_FRAME)
        landing = self._base + harness.USER_CODE + harness.AFTER_IRET
        uc.emu_start(self._base + harness.IRET, landing)
        self._contexts = (supervisor, uc.context_save())
        if not self._error_code_offset:
            self._calibrate()

    def _flush(self) -> None:
        self._uc.ctl(self._const.UC_CTL_TLB_FLUSH, self._const.UC_CTL_IO_WRITE)

    @cached_property
    def _pristine(self) -> Any:  # noqa: ANN401
        return self._uc.context_save()

    # --- running

    def run(self, scene: Scene) -> tuple[list[Observation], bytes]:
        """What each probe of ``scene`` met, and all of memory below the harness afterwards."""
        if self._ranges:
            self._uc.mem_write(0, bytes(HARNESS))
        self.enter(scene.guest())
        observations = [self.observe(probe) for probe in scene.probes]
        return observations, bytes(self._uc.mem_read(0, HARNESS))

    @staticmethod
    def excuse(_machine: Observation, _emulator: Observation) -> KnownDivergence | None:
        """No difference in a probe's outcome is known."""
        return None

    @staticmethod
    def comparable(memory: bytes, model: ModelEngine) -> bytes:
        """``memory`` with what is known to differ made equal."""
        return with_leaves_accessed(memory, model.faulting_leaves)

    def observe(self, probe: Probe) -> Observation:
        """Carry out one access with a cold TLB."""
        uc = self._uc
        uc.context_restore(self._contexts[probe.user])
        self._flush()
        if probe.ac:
            flags = self._x86.UC_X86_REG_EFLAGS
            uc.reg_write(flags, uc.reg_read(flags) | FLAG_AC)
        uc.reg_write(self.register("BX"), probe.address)
        uc.reg_write(self.register("AX"), WRITTEN)
        self._exception = None
        try:
            self._start(probe)
        except self._unicorn.UcError as error:
            return self._beyond_memory(error)
        faulted = self._exception
        if faulted is not None or probe.kind == FETCH:
            self._settle()
        if faulted is not None:
            vector, code, cr2 = faulted
            return Observation(vector, code, cr2 if vector == Vector.PF else None)
        value = uc.reg_read(self.register("AX")) & 0xFFFF_FFFF if probe.kind == READ else None
        return Observation(None, value=value)

    def _settle(self) -> None:
        """Take away what a fault, or the bytes met by a fetch, left pending."""
        self._uc.context_restore(self._contexts[0])
        start = self._base + harness.AFTER_IRET
        self._uc.emu_start(start, start + 1)

    def translate(self, address: int) -> int | None:
        """The physical address a supervisor read of ``address`` leads to; None if it faults.

        Changes no table. ``uc_vmem_translate`` is in the library, though not in its Python binding.
        """
        self._uc.context_restore(self._contexts[0])
        self._flush()
        physical = ctypes.c_uint64()
        status = self._translate(
            self._handle, address, self._const.UC_PROT_READ, ctypes.byref(physical)
        )
        return int(physical.value) if status == self._const.UC_ERR_OK else None

    def write(self, physical: int, data: bytes) -> None:
        """Put ``data`` into the emulator's memory."""
        self._uc.mem_write(physical, data)

    def _start(self, probe: Probe) -> None:
        if probe.kind == FETCH:
            self._uc.emu_start(probe.address, probe.address + 1, count=1)
            return
        start = self._base + (harness.LOAD if probe.kind == READ else harness.STORE)
        start += harness.USER_CODE if probe.user else 0
        self._uc.emu_start(start, start + 2)

    def _beyond_memory(self, error: Any) -> Observation:  # noqa: ANN401
        unmapped = (
            self._const.UC_ERR_READ_UNMAPPED,
            self._const.UC_ERR_WRITE_UNMAPPED,
            self._const.UC_ERR_FETCH_UNMAPPED,
        )
        if error.errno not in unmapped:
            raise RuntimeError(f"Unicorn stopped for a reason that no probe should meet: {error}")
        return Observation(NO_RAM_VECTOR)

    def _calibrate(self) -> None:
        """Find the error code in the saved context by faults with known codes (SDM 3A, 4.7)."""
        blobs = []
        unmapped = self._base + 8 * PAGE_SIZE
        known = (
            (Probe("read", unmapped, user=False, ac=False), 0b000),
            (Probe("write", unmapped, user=False, ac=False), 0b010),
            (Probe("read", unmapped, user=True, ac=False), 0b100),
            (Probe("write", unmapped, user=True, ac=False), 0b110),
            (Probe("read", self._base, user=True, ac=False), 0b101),
            (Probe("write", self._base, user=True, ac=False), 0b111),
        )
        for probe, code in known:
            self.observe(probe)
            blobs.append((self._blob(), code))
        self._error_code_offset = self._only_offset(blobs)

    @staticmethod
    def _only_offset(blobs: Iterable[tuple[bytes, int]]) -> int:
        found = [
            offset
            for offset in range(0, len(next(iter(blobs))[0]) - 3, 4)
            if all(struct.unpack_from("<I", blob, offset)[0] == code for blob, code in blobs)
        ]
        if len(found) != 1:
            raise RuntimeError(f"not one offset but these fit the known faults: {found}")
        return found[0]
