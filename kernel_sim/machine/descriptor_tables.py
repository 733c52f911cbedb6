"""GDT, IDT and TSS in memory, read by the processor itself: as a supervisor, through the MMU.

References: Intel SDM vol. 3A, 3.5 (GDT), 6.10 and 6.11 (IDT), 7.2 (TSS), 6.13 (error codes).
"""

from typing import Final

from kernel_sim.machine.access_rights import Access
from kernel_sim.machine.control import ControlUnit
from kernel_sim.machine.descriptors import (
    INTERRUPT_GATE,
    TASK_GATE,
    TRAP_GATE,
    TSS_AVAILABLE,
    Gate,
    Segment,
    decode_gate,
    decode_segment,
)
from kernel_sim.machine.exceptions import CpuException, Vector, general_protection
from kernel_sim.machine.ram import OFFSET_MASK
from kernel_sim.machine.registers import TableRegister, TaskRegister

EXTERNAL: Final = 1
"""EXT in an error code: met while another exception was being delivered."""
_IDT: Final = 2
_SYSTEM_READ: Final = Access(implicit=True)
_SYSTEM_WRITE: Final = Access(write=True, implicit=True)
_BUSY: Final = b"\x8b"
_NOT_BUSY: Final = b"\x89"


class DescriptorUnit(ControlUnit):
    """Loads the table registers and reads descriptors."""

    def lgdt(self, base: int, limit: int) -> None:
        """Load GDTR: linear base, and the offset of the table's last byte."""
        self.execute(self.require_kernel)
        self.gdtr = self._note_table("gdtr", self.gdtr, TableRegister(base, limit))

    def lidt(self, base: int, limit: int) -> None:
        """Load IDTR: linear base, and the offset of the table's last byte."""
        self.execute(self.require_kernel)
        self.idtr = self._note_table("idtr", self.idtr, TableRegister(base, limit))

    def ltr(self, selector: int) -> None:
        """Load TR with the available TSS at ``selector`` and mark it busy; else #GP or #NP."""
        self.execute(lambda: self._load_task_register(selector))

    def load_segment(self, name: str, selector: int) -> None:
        """Load CS (a far jump), DS, ES or SS; the GDT must hold a fitting segment there.

        Raises:
            ValueError: there is no segment register ``name``.
        """
        if name not in self.segments:
            raise ValueError(f"segment register {name!r}; expected cs, ds, es or ss")
        self.execute(lambda: self._load_segment(name, selector))

    def _note_table(self, name: str, old: TableRegister, new: TableRegister) -> TableRegister:
        self.trace.emit(
            "control",
            operation="lgdt" if name == "gdtr" else "lidt",
            register=name,
            base=new.base,
            limit=new.limit,
            old=(old.base, old.limit),
        )
        return new

    def _load_task_register(self, selector: int) -> None:
        self.require_kernel()
        segment = self.segment(selector)
        if not segment.system or segment.type != TSS_AVAILABLE:
            raise general_protection(f"LTR: {selector:#x} is no available TSS", selector & ~3)
        self.trace.emit(
            "control",
            operation="ltr",
            register="tr",
            selector=selector,
            base=segment.base,
            old=(self.tr.selector, self.tr.base),
        )
        self.take_task(selector, segment.base)

    def _load_segment(self, name: str, selector: int) -> None:
        self.require_kernel()
        null_allowed = name in {"ds", "es"} or (name == "ss" and self._long)
        if selector & ~3 or not null_allowed:
            segment = self.segment(selector)
            if segment.system or segment.code != (name == "cs"):
                raise general_protection(f"{selector:#x} does not fit {name}", selector & ~3)
        old = self.segments[name]
        self.trace.emit("control", operation="segment", register=name, selector=selector, old=old)
        self.segments[name] = selector & ~3

    # --- reading descriptors -------------------------------------------------------------------

    def gate(self, vector: int) -> Gate:
        """The IDT gate of ``vector``.

        Raises:
            CpuException: #GP if it lies beyond the limit or is no gate, #NP if not present.
        """
        size = 16 if self._long else 8
        error_code = vector * 8 | _IDT | EXTERNAL
        if vector * size + size - 1 > self.idtr.limit:
            raise general_protection(
                f"vector {vector} lies beyond the IDT's limit {self.idtr.limit:#x}", error_code
            )
        found = decode_gate(self.system_load(self.idtr.base + vector * size, size))
        allowed = (INTERRUPT_GATE, TRAP_GATE) + (() if self._long else (TASK_GATE,))
        if found.system_bit or found.type not in allowed:
            raise general_protection(f"vector {vector} has no gate", error_code)
        if not found.present:
            raise CpuException(Vector.NP, error_code, why=f"the gate of vector {vector} is absent")
        return found

    def segment(self, selector: int, *, external: int = 0) -> Segment:
        """The GDT descriptor at ``selector``.

        Raises:
            CpuException: #GP if null or beyond the limit, #NP if not present.
        """
        error_code = selector & ~3 | external
        index = selector & ~7
        if not index or index + 7 > self.gdtr.limit:
            why = f"selector {selector:#x} is null or beyond the GDT"
            raise general_protection(why, error_code)
        found = decode_segment(self.system_load(self.gdtr.base + index, 8))
        if found.system and self._long:
            found = decode_segment(self.system_load(self.gdtr.base + index, 16))
        if not found.present:
            raise CpuException(Vector.NP, error_code, why=f"segment {selector:#x} is absent")
        return found

    def code_segment(self, selector: int) -> Segment:
        """The code segment that a gate leads to.

        Raises:
            CpuException: #GP or #NP, the selector leads to none.
        """
        found = self.segment(selector, external=EXTERNAL)
        if not found.code or (self._long and not found.long):
            kind = "64-bit code" if self._long else "code"
            why = f"gate selector {selector:#x} is no {kind}"
            raise general_protection(why, selector & ~3 | EXTERNAL)
        return found

    def task_field(self, offset: int, size: int) -> int:
        """A field of the current TSS.

        Raises:
            CpuException: #TS, TR was never loaded.
        """
        if not self.tr.selector:
            why = "a stack of the TSS is needed, but TR is empty"
            raise CpuException(Vector.TS, EXTERNAL, why=why)
        return self.system_load(self.tr.base + offset, size)

    def take_task(self, selector: int, base: int) -> None:
        """Make the TSS at ``selector`` the current one and mark it busy."""
        self._write_access_byte(selector, _BUSY)
        self.tr = TaskRegister(selector, base)

    def release_task(self, selector: int) -> None:
        """Mark the TSS at ``selector`` available."""
        self._write_access_byte(selector, _NOT_BUSY)

    def _write_access_byte(self, selector: int, access: bytes) -> None:
        self.system_write(self.gdtr.base + (selector & ~7) + 5, access)

    # --- the processor's own accesses ----------------------------------------------------------

    def system_read(self, address: int, size: int) -> bytes:
        """Bytes at a linear address.

        Raises:
            CpuException: the access faults; nothing is delivered.
        """
        parts = []
        while size > 0:
            part = min(size, OFFSET_MASK + 1 - (address & OFFSET_MASK))
            parts.append(self.bus.read(self.physical(address, _SYSTEM_READ), part))
            address += part
            size -= part
        return b"".join(parts)

    def system_load(self, address: int, size: int) -> int:
        """The number of ``size`` bytes at a linear address; faults as `system_read` does."""
        return int.from_bytes(self.system_read(address, size), "little")

    def system_write(self, address: int, data: bytes) -> None:
        """Write to a linear address; faults as `system_read` does."""
        while data:
            part = data[: OFFSET_MASK + 1 - (address & OFFSET_MASK)]
            self.bus.write(self.physical(address, _SYSTEM_WRITE), part)
            address += len(part)
            data = data[len(part) :]
