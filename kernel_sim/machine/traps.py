"""Delivery of exceptions: gates, descriptors and task states are read from memory, frames pushed through the MMU.

A 32-bit frame, from the stack pointer upward; the last two only when CPL 3 was interrupted::

    [error code] EIP CS EFLAGS [ESP SS]

In 64-bit mode all of them are always there, 8 bytes each, below a stack pointer aligned to 16.

References: Intel SDM vol. 3A, 6.12 (delivery), 6.13 (error code), 6.14 (64-bit), 6.15 (#DF), 7.3 (task switch).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from kernel_sim.errors import FaultLoop, MachineStopped, TripleFault
from kernel_sim.machine.control import ControlUnit
from kernel_sim.machine.control_bits import FLAG_IF, FLAG_NT
from kernel_sim.machine.descriptors import (
    INTERRUPT_GATE,
    TASK_GATE,
    TRAP_GATE,
    TSS_32_BYTES,
    TSS_AVAILABLE,
    Gate,
    Segment,
    decode_gate,
    decode_segment,
)
from kernel_sim.machine.devices.bus import Bus
from kernel_sim.machine.exceptions import (
    WITH_ERROR_CODE,
    CpuException,
    Vector,
    escalates,
    general_protection,
)
from kernel_sim.machine.mmu import Access, Mmu
from kernel_sim.machine.post_mortem import post_mortem
from kernel_sim.machine.ram import OFFSET_MASK
from kernel_sim.trace import Trace

NEST_LIMIT: Final = 16
"""Handlers nested deeper than this fault for ever."""
_EXT: Final = 1
_IDT: Final = 2
_SYSTEM_READ: Final = Access(implicit=True)
_SYSTEM_WRITE: Final = Access(write=True, implicit=True)


@dataclass(frozen=True, slots=True)
class TrapFrame:
    """What a handler sees of the interrupted code; ``pushed_at`` is the linear address of the frame in memory."""

    vector: int
    error_code: int | None
    ip: int
    cs: int
    flags: int
    sp: int
    bp: int
    cpl: int
    cr2: int
    pushed_at: int


@dataclass(frozen=True, slots=True)
class TableRegister:
    """GDTR or IDTR: linear base, and the offset of the table's last byte."""

    base: int
    limit: int


@dataclass(frozen=True, slots=True)
class TaskRegister:
    """TR: the selector and where the TSS lies."""

    selector: int
    base: int


Handler = Callable[[TrapFrame], object]


class TrapUnit(ControlUnit):
    """Descriptor tables, delivery, escalation, and the way back."""

    def __init__(self, bus: Bus, mmu: Mmu, trace: Trace) -> None:
        super().__init__(bus, mmu, trace)
        self.gdtr = TableRegister(0, 0)
        self.idtr = TableRegister(0, 0)
        self.tr = TaskRegister(0, 0)
        self.segments = {"cs": 0, "ds": 0, "es": 0, "ss": 0}
        self._handlers: dict[int, Handler] = {}
        self._depth = 0

    def register_handler(self, address: int, handler: Handler) -> None:
        """Let the Python callable ``handler`` be the code at the linear ``address``; returning means IRET."""
        self._handlers[address] = handler

    def deliver(self, exception: CpuException) -> None:
        """Deliver ``exception``; returns when its handler has returned and the frame is popped.

        Raises:
            TripleFault: delivering a double fault failed.
            FaultLoop: handlers nest too deep.
            MachineStopped: a gate leads to an address where no code is.
        """
        if self._depth >= NEST_LIMIT:
            raise FaultLoop(
                f"faults in fault handlers, {NEST_LIMIT} deep", self.post_mortem(exception)
            )
        before = self._registers()
        current = exception
        while True:
            self._note(current)
            try:
                frame, task = self._enter(current)
                break
            except CpuException as second:
                current = self._escalate(current, second)
        self._run(frame, before, task=task)

    def _note(self, exception: CpuException) -> None:
        if exception.address is not None:
            self.cr2 = exception.address
        self.trace.emit(
            "fault",
            vector=int(exception.vector),
            name=f"#{exception.vector.name}",
            error_code=exception.error_code,
            address=exception.address,
            ip=self.ip,
            sp=self.sp,
            cpl=self.cpl,
            why=exception.why,
        )

    def _escalate(self, first: CpuException, second: CpuException) -> CpuException:
        """What is delivered after ``second`` came up while ``first`` was being delivered."""
        if first.vector == Vector.DF:
            self._note(second)
            raise TripleFault(
                f"triple fault: #{second.vector.name} while the double fault was being delivered"
                + (f" ({second.why})" if second.why else ""),
                self.post_mortem(second),
            ) from None
        if escalates(first.vector, second.vector):
            self._note(second)
            return CpuException(Vector.DF, 0, why=f"#{second.vector.name} in #{first.vector.name}")
        return second

    # --- entering ---------------------------------------------------------------------------------------------------

    def _enter(self, exception: CpuException) -> tuple[TrapFrame, bool]:
        """Go through the gate: select the stack, push the frame, set ip; nothing has changed if that faults."""
        gate = self._gate(exception.vector)
        if gate.type == TASK_GATE:
            return self._switch_task(gate.selector, exception), True
        segment = self.segment(gate.selector, external=_EXT)
        if not segment.code:
            raise general_protection(
                f"gate selector {gate.selector:#x} is no code", gate.selector & ~3 | _EXT
            )
        sp, inner_ss = self._select_stack(gate, segment)
        words = [self.flags, self._cs(), self.ip]
        if inner_ss is not None:
            words = [self.segments["ss"] | self.cpl, self.sp, *words]
        if exception.vector in WITH_ERROR_CODE:
            words.append(exception.error_code or 0)
        top = self._push_words(sp, words)
        frame = self._frame(exception, top)
        self.sp = top
        self.ip = gate.offset
        self.segments["cs"] = gate.selector
        if inner_ss is not None:
            self.segments["ss"] = inner_ss
        self._set_cpl(segment.dpl)
        self.flags &= ~(FLAG_NT | (FLAG_IF if gate.type == INTERRUPT_GATE else 0))
        return frame, False

    def _frame(self, exception: CpuException, pushed_at: int) -> TrapFrame:
        return TrapFrame(
            vector=int(exception.vector),
            error_code=exception.error_code,
            ip=self.ip,
            cs=self._cs(),
            flags=self.flags,
            sp=self.sp,
            bp=self.bp,
            cpl=self.cpl,
            cr2=self.cr2,
            pushed_at=pushed_at,
        )

    def _cs(self) -> int:
        """CS as it is pushed: the selector with the privilege level in its low bits."""
        return self.segments["cs"] & ~3 | self.cpl

    def _gate(self, vector: int) -> Gate:
        size = 16 if self._long else 8
        error_code = vector * 8 | _IDT | _EXT
        if vector * size + size - 1 > self.idtr.limit:
            raise general_protection(
                f"vector {vector} lies beyond the IDT's limit {self.idtr.limit:#x}", error_code
            )
        gate = decode_gate(self._system_load(self.idtr.base + vector * size, size))
        if gate.type not in {INTERRUPT_GATE, TRAP_GATE, TASK_GATE} or (
            gate.type == TASK_GATE and self._long
        ):
            raise general_protection(f"vector {vector} has no gate", error_code)
        if not gate.present:
            raise CpuException(Vector.NP, error_code, why=f"the gate of vector {vector} is absent")
        return gate

    def segment(self, selector: int, *, external: int = 0) -> Segment:
        """The GDT descriptor at ``selector``.

        Raises:
            CpuException: #GP if null or beyond the limit, #NP if not present.
        """
        error_code = selector & ~3 | external
        index = selector & ~7
        if not index or index + 7 > self.gdtr.limit:
            raise general_protection(
                f"selector {selector:#x} is null or beyond the GDT", error_code
            )
        size = 8
        raw = self._system_load(self.gdtr.base + index, 8)
        if self._long and not raw >> 44 & 1:
            size = 16
            raw = self._system_load(self.gdtr.base + index, size)
        found = decode_segment(raw)
        if not found.present:
            raise CpuException(Vector.NP, error_code, why=f"segment {selector:#x} is absent")
        return found

    def _select_stack(self, gate: Gate, segment: Segment) -> tuple[int, int | None]:
        """Where the frame goes, and the SS to load when the outer one is pushed too."""
        inward = segment.dpl < self.cpl
        if self._long:
            if gate.ist:
                sp = self._task_field(28 + 8 * gate.ist, 8)
            else:
                sp = self._task_field(4, 8) if inward else self.sp
            return sp & ~0xF, 0 if inward else self.segments["ss"]
        if not inward:
            return self.sp, None
        return self._task_field(4, 4), self._task_field(8, 4) & 0xFFFF

    def _task_field(self, offset: int, size: int) -> int:
        """A field of the current TSS."""
        if not self.tr.selector:
            raise CpuException(Vector.TS, _EXT, why="a stack of the TSS is needed, but TR is empty")
        return self._system_load(self.tr.base + offset, size)

    def _push_words(self, sp: int, words: Sequence[int]) -> int:
        for word in words:
            sp -= self.word
            self._system_write(sp, word.to_bytes(self.word, "little"))
        return sp

    # --- task switch --------------------------------------------------------------------------------------------------

    def _switch_task(self, selector: int, exception: CpuException) -> TrapFrame:
        """Save this task in its TSS, load the one at ``selector`` with its own CR3, and push the error code."""
        segment = self.segment(selector, external=_EXT)
        if not segment.system or segment.type != TSS_AVAILABLE:
            raise general_protection(f"{selector:#x} is no available TSS", selector & ~3 | _EXT)
        if segment.limit < TSS_32_BYTES - 1:
            raise CpuException(Vector.TS, selector & ~3 | _EXT, why="the TSS is too short")
        frame = self._frame(exception, 0)
        if self.tr.selector:
            self._save_task(self.tr.base)
        self._system_write(segment.base, self.tr.selector.to_bytes(4, "little"))
        self._system_write(self.gdtr.base + (selector & ~7) + 5, b"\x8b")
        state = self._system_read(segment.base, TSS_32_BYTES)
        self.tr = TaskRegister(selector, segment.base)
        self._load_task(state)
        self.flags |= FLAG_NT
        if exception.vector in WITH_ERROR_CODE:
            self.sp = self._push_words(self.sp, [exception.error_code or 0])
        self.physical(self.ip, Access(fetch=True, implicit=True))
        return frame

    def _save_task(self, base: int) -> None:
        for offset, value in (
            (32, self.ip),
            (36, self.flags),
            (56, self.sp),
            (60, self.bp),
            (72, self.segments["es"]),
            (76, self._cs()),
            (80, self.segments["ss"]),
            (84, self.segments["ds"]),
        ):
            self._system_write(base + offset, value.to_bytes(4, "little"))

    def _load_task(self, state: bytes) -> None:
        def field(offset: int) -> int:
            return int.from_bytes(state[offset : offset + 4], "little")

        if self.paging:
            self.trace.emit(
                "control", operation="task", register="cr3", old=self.cr3, new=field(28)
            )
            self.switch_root(field(28))
        self.ip = field(32)
        self._set_flags(field(36))
        self.sp = field(56)
        self.bp = field(60)
        self.segments = {
            "es": field(72),
            "cs": field(76) & ~3,
            "ss": field(80),
            "ds": field(84),
        }
        self._set_cpl(field(76) & 3)

    # --- the handler and the way back -------------------------------------------------------------------------------

    def _run(self, frame: TrapFrame, before: dict[str, object], *, task: bool) -> None:
        handler = self._handlers.get(self.ip)
        if handler is None:
            raise MachineStopped(
                f"vector {frame.vector} leads to {self.ip:#x}, where no code is", self.post_mortem()
            )
        top = self.sp
        self._depth += 1
        try:
            handler(frame)
        except Exception:
            self._restore(before)
            raise
        finally:
            self._depth -= 1
        self.sp = top
        if frame.vector in WITH_ERROR_CODE:
            self.sp += self.word
        if task:
            self._return_from_task()
        else:
            self._interrupt_return()

    def _interrupt_return(self) -> None:
        """IRET: pop ip, CS and flags, and sp and SS where they were pushed."""
        ip, cs, flags = (self._pop() for _ in range(3))
        if self._long or cs & 3 > self.cpl:
            self.sp, self.segments["ss"] = self._pop(), self._pop() & ~3
        self.ip = ip
        self.segments["cs"] = cs & ~3
        self._set_flags(flags)
        self._set_cpl(cs & 3)

    def _pop(self) -> int:
        value = self.load(self.sp, self.word)
        self.sp += self.word
        return value

    def _return_from_task(self) -> None:
        """IRET with NT: back to the task that the TSS's back link names."""
        selector = self._system_load(self.tr.base, 4) & 0xFFFF
        if not selector:
            raise MachineStopped(
                "a task returned, but its TSS links back to none", self.post_mortem()
            )
        self._system_write(self.gdtr.base + (self.tr.selector & ~7) + 5, b"\x89")
        base = self.segment(selector).base
        self.tr = TaskRegister(selector, base)
        self._load_task(self._system_read(base, TSS_32_BYTES))

    # --- the processor's own accesses -------------------------------------------------------------------------------

    def _system_read(self, address: int, size: int) -> bytes:
        """Bytes at a linear address, as a supervisor and without delivering a fault."""
        parts = []
        while size > 0:
            part = min(size, OFFSET_MASK + 1 - (address & OFFSET_MASK))
            parts.append(self.bus.read(self.physical(address, _SYSTEM_READ), part))
            address += part
            size -= part
        return b"".join(parts)

    def _system_load(self, address: int, size: int) -> int:
        return int.from_bytes(self._system_read(address, size), "little")

    def _system_write(self, address: int, data: bytes) -> None:
        while data:
            part = data[: OFFSET_MASK + 1 - (address & OFFSET_MASK)]
            self.bus.write(self.physical(address, _SYSTEM_WRITE), part)
            address += len(part)
            data = data[len(part) :]

    # --- reports ----------------------------------------------------------------------------------------------------

    def _registers(self) -> dict[str, object]:
        return {
            "ip": self.ip,
            "sp": self.sp,
            "bp": self.bp,
            "flags": self.flags,
            "cpl": self.cpl,
            "segments": dict(self.segments),
            "tr": self.tr,
        }

    def _restore(self, registers: dict[str, object]) -> None:
        """Unwind to ``registers`` after a Python exception left a handler."""
        cpl, flags = registers["cpl"], registers["flags"]
        for name in ("ip", "sp", "bp", "segments", "tr"):
            setattr(self, name, registers[name])
        self._set_cpl(int(str(cpl)))
        self._set_flags(int(str(flags)))

    def post_mortem(self, exception: CpuException | None = None) -> dict[str, object]:
        """The state for a report: registers, last faults and events, the walk of CR2."""
        registers = {
            "ip": self.ip,
            "sp": self.sp,
            "bp": self.bp,
            "flags": self.flags,
            "cpl": self.cpl,
            **self.segments,
            "tr": self.tr.selector,
            "cr0": self.cr0,
            "cr2": self.cr2,
            "cr3": self.cr3,
            "cr4": self.cr4,
            "efer": self.efer,
            "gdtr": [self.gdtr.base, self.gdtr.limit],
            "idtr": [self.idtr.base, self.idtr.limit],
        }
        report = post_mortem(registers, self.trace, self.mmu.walk_path(self.cr2))
        return {"vector": exception.vector.name if exception else None, **report}
