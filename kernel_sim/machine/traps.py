"""Delivery of exceptions: gates are read from memory, frames pushed through the MMU.

A 32-bit frame, from the stack pointer upward; the last two only when CPL 3 was interrupted::

    [error code] EIP CS EFLAGS [ESP SS]

In 64-bit mode all of them are always there, 8 bytes each, below a stack pointer aligned to 16.

References: Intel SDM vol. 3A, 6.12 (delivery), 6.13 (error code), 6.14 (64-bit), 6.15 (#DF).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kernel_sim.errors import FaultLoop, MachineStopped, TripleFault
from kernel_sim.machine.access_rights import Access
from kernel_sim.machine.control_bits import FLAG_IF, FLAG_NT
from kernel_sim.machine.descriptors import INTERRUPT_GATE, TASK_GATE, Gate, Segment
from kernel_sim.machine.devices.bus import Bus
from kernel_sim.machine.exceptions import WITH_ERROR_CODE, CpuException, Vector, escalates
from kernel_sim.machine.mmu import Mmu
from kernel_sim.machine.post_mortem import post_mortem
from kernel_sim.machine.registers import SavedRegisters
from kernel_sim.machine.task_switch import TaskUnit
from kernel_sim.trace import Trace

NEST_LIMIT: Final = 16
"""Handlers nested deeper than this fault for ever."""
_FETCH: Final = Access(fetch=True, implicit=True)


@dataclass(frozen=True, slots=True)
class TrapFrame:
    """What a handler sees of the interrupted code.

    ``pushed_at`` is the linear address of the frame in memory; through a task gate, of the error
    code alone.
    """

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


Handler = Callable[[TrapFrame], object]


class TrapUnit(TaskUnit):
    """Delivery, escalation, and the way back."""

    def __init__(self, bus: Bus, mmu: Mmu, trace: Trace) -> None:
        super().__init__(bus, mmu, trace)
        self._handlers: dict[int, Handler] = {}
        self._depth = 0

    def register_handler(self, address: int, handler: Handler) -> None:
        """Let the callable ``handler`` be the code at linear ``address``; returning means IRET."""
        self._handlers[address] = handler

    def register_handlers(self, handlers: Mapping[int, Handler]) -> None:
        """The same for many: linear address → callable."""
        self._handlers.update(handlers)

    def interrupt(self, vector: Vector, error_code: int | None = None) -> None:
        """Raise an exception here and now, as an instruction that causes it would."""
        self.deliver(CpuException(vector, error_code))

    def deliver(self, exception: CpuException) -> None:
        """Deliver ``exception``; returns when its handler has returned and the frame is popped.

        Raises:
            TripleFault: delivering a double fault failed.
            FaultLoop: handlers nest too deep.
            MachineStopped: a gate leads to an address where no code is.
        """
        if self._depth >= NEST_LIMIT:
            cause = f"faults in fault handlers, {NEST_LIMIT} deep"
            raise FaultLoop(cause, self.post_mortem(exception))
        before = self.save()
        current = exception
        chain = [exception]
        while True:
            self._note(current)
            try:
                frame, by_task = self._enter(current)
                break
            except CpuException as second:
                chain.append(second)
                current = self._escalate(current, second, chain)
        self._run(frame, before, by_task=by_task)

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

    def _escalate(
        self, first: CpuException, second: CpuException, chain: Sequence[CpuException]
    ) -> CpuException:
        """What is delivered next after ``second`` came up while ``first`` was being delivered."""
        serious = first.vector == Vector.DF or escalates(first.vector, second.vector)
        if not serious:
            return second
        self._note(second)
        if first.vector == Vector.DF:
            story = "; then ".join(map(str, chain))
            raise TripleFault(f"triple fault: {story}", self.post_mortem(second)) from None
        why = f"#{second.vector.name} while #{first.vector.name} was being delivered"
        return CpuException(Vector.DF, 0, why=why)

    # --- in ------------------------------------------------------------------------------------

    def _enter(self, exception: CpuException) -> tuple[TrapFrame, bool]:
        """Go through the gate: select the stack, push the frame, set ip.

        Nothing but memory has changed if that faults, except through a task gate.
        """
        gate = self.gate(exception.vector)
        code = [exception.error_code or 0] if exception.vector in WITH_ERROR_CODE else []
        if gate.type == TASK_GATE:
            before = self.save()
            self.enter_task(gate.selector)
            self.sp = self._push_words(self.sp, code)
            self.physical(self.ip, _FETCH)
            return self._frame(exception, before, self.sp), True
        segment = self.code_segment(gate.selector)
        sp, inner_ss = self._select_stack(gate, segment)
        words = [self.flags, self.segments["cs"] | self.cpl, self.ip, *code]
        if inner_ss is not None:
            words = [self.segments["ss"] | self.cpl, self.sp, *words]
        top = self._push_words(sp, words)
        frame = self._frame(exception, self.save(), top)
        self.sp, self.ip = top, gate.offset
        self.segments["cs"] = gate.selector & ~3
        if inner_ss is not None:
            self.segments["ss"] = inner_ss & ~3
        self.set_cpl(segment.dpl)
        self.flags &= ~(FLAG_NT | (FLAG_IF if gate.type == INTERRUPT_GATE else 0))
        return frame, False

    def _frame(self, exception: CpuException, before: SavedRegisters, pushed_at: int) -> TrapFrame:
        return TrapFrame(
            vector=int(exception.vector),
            error_code=exception.error_code,
            ip=before.ip,
            cs=before.cs | before.cpl,
            flags=before.flags,
            sp=before.sp,
            bp=before.bp,
            cpl=before.cpl,
            cr2=self.cr2,
            pushed_at=pushed_at,
        )

    def _select_stack(self, gate: Gate, segment: Segment) -> tuple[int, int | None]:
        """Where the frame goes, and the SS to load where the outer stack is pushed too."""
        inward = segment.dpl < self.cpl
        if self._long:
            if gate.ist:
                sp = self.task_field(28 + 8 * gate.ist, 8)
            else:
                sp = self.task_field(4, 8) if inward else self.sp
            return sp & ~0xF, 0 if inward else self.segments["ss"]
        if not inward:
            return self.sp, None
        return self.task_field(4, 4), self.task_field(8, 4) & 0xFFFF

    def _push_words(self, sp: int, words: Sequence[int]) -> int:
        """Push ``words`` in order; the stack pointer after that."""
        for word in words:
            sp -= self.word
            self.system_write(sp, word.to_bytes(self.word, "little"))
        return sp

    # --- the handler, and out ------------------------------------------------------------------

    def _run(self, frame: TrapFrame, before: SavedRegisters, *, by_task: bool) -> None:
        handler = self._handlers.get(self.ip)
        if handler is None:
            cause = f"vector {frame.vector} leads to {self.ip:#x}, where no code is"
            raise MachineStopped(cause, self.post_mortem())
        top = self.sp
        self._depth += 1
        try:
            handler(frame)
        except Exception:
            self.restore(before)
            raise
        finally:
            self._depth -= 1
        self.sp = top + (self.word if frame.vector in WITH_ERROR_CODE else 0)
        if by_task:
            self.execute(self.leave_task)
        else:
            self._interrupt_return()

    def _interrupt_return(self) -> None:
        """IRET: pop ip, CS and flags, and sp and SS where they were pushed."""
        ip, cs, flags = (self.pop() for _ in range(3))
        if self._long or cs & 3 > self.cpl:
            self.sp, self.segments["ss"] = self.pop(), self.pop() & ~3
        self.ip = ip
        self.segments["cs"] = cs & ~3
        self.set_flags(flags)
        self.set_cpl(cs & 3)

    def pop(self) -> int:
        """Pop a word: 4 bytes, 8 in 64-bit mode."""
        value = self.load(self.sp, self.word)
        self.sp += self.word
        return value

    # --- reports -------------------------------------------------------------------------------

    def post_mortem(self, exception: CpuException | None = None) -> dict[str, object]:
        """The state for a report: registers, last faults and events, the walk of CR2."""
        report = post_mortem(self.snapshot(), self.trace, self.mmu.walk_path(self.cr2))
        return {"vector": f"#{exception.vector.name}" if exception else None, **report}
