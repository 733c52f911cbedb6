"""A worker's log of processor operations, executed again on a machine of the grader's own.

::

    worker    plugin ──▶ LoggedCpu ──▶ RAM (shared)
                             └─ log ─┐
    grader                           └──▶ Machine ──▶ RAM (its own)     both have to be equal

Order, exceptions, control registers and what the TLB holds come from here; from the worker, that
these operations were asked for. What a log can claim is therefore what a program can do, and it has
to lead to the memory that is there.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, NoReturn

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.accesses import ACCESSES
from kernel_sim.checks.bench import Scenario
from kernel_sim.errors import MachineStopped
from kernel_sim.machine import Cpu, Machine, Ram, TrapFrame
from kernel_sim.machine.exceptions import Vector
from kernel_sim.machine.load_store import FETCH, READ
from kernel_sim.machine.registers import SavedRegisters, TaskRegister
from kernel_sim.values import Event

KERNEL_EVENTS: Final[dict[str, dict[str, type]]] = {
    "hook": {"hook": str, "depth": int, "arguments": dict},
    "log": {"event": str, "plugin": str},
}
"""Kinds of events that come from the kernel, with what each has; the machine makes all others."""
REGISTERS: Final = [int] * 10
NUMBER: Final = [int]
NUMBERS: Final = [int, int]
MOST_WORK: Final = 200_000
"""So much of one boot is followed, a second or two: an entry or a page of a fill counts 1, an
exception 50."""
_EXCEPTION: Final = 50


class LogError(Exception):
    """A log that no machine leaves behind."""


class Done(NamedTuple):
    """An access that a check asked for: what it gave here, or that it failed."""

    name: str
    args: tuple[object, ...]
    value: object
    failed: bool


class _Left(Exception):  # noqa: N818 - stands for any exception of the worker's
    """A handler was left by an exception."""


class _Stopped(BaseException):
    """A handler was left because the machine stopped, or a budget was used up."""


def _touch(cpu: Cpu, address: int) -> None:
    cpu.resolve(address, READ[cpu.cpl == 3])


def _fetch(cpu: Cpu, address: int) -> None:
    cpu.resolve(address, FETCH[cpu.cpl == 3])


def _interrupt(cpu: Cpu, vector: int, error_code: int) -> None:
    cpu.interrupt(Vector(vector), None if error_code < 0 else error_code)


def _restore(cpu: Cpu, *values: int) -> None:
    ip, sp, bp, flags, cpl, cr3, cs, ss, selector, base = values
    task = TaskRegister(selector, base)
    cpu.restore(SavedRegisters(ip, sp, bp, flags, cpl, cr3, cs, ss, task))


def _sets(name: str) -> Callable[[Cpu, int], None]:
    return lambda cpu, value: setattr(cpu, name, value)


OPERATIONS: Final[dict[str, tuple[list[Any], Callable[..., object]]]] = {
    "touch": (NUMBER, _touch),
    "fetch": (NUMBER, _fetch),
    "store": ([int, int, int], Cpu.store),
    "write": ([int, bytes], Cpu.write),
    "fill": ([int, int, int], Cpu.fill),
    "rdmsr": (NUMBER, Cpu.rdmsr),
    "wrmsr": (NUMBERS, Cpu.wrmsr),
    "invlpg": (NUMBER, Cpu.invlpg),
    "cr0": (NUMBER, _sets("cr0")),
    "cr3": (NUMBER, _sets("cr3")),
    "cr4": (NUMBER, _sets("cr4")),
    "sti": ([], Cpu.sti),
    "cli": ([], Cpu.cli),
    "stac": ([], Cpu.stac),
    "clac": ([], Cpu.clac),
    "lgdt": (NUMBERS, Cpu.lgdt),
    "lidt": (NUMBERS, Cpu.lidt),
    "ltr": (NUMBER, Cpu.ltr),
    "load_segment": ([str, int], Cpu.load_segment),
    "inb": (NUMBER, Cpu.inb),
    "outb": (NUMBERS, Cpu.outb),
    "interrupt": (NUMBERS, _interrupt),
    "restore": (REGISTERS, _restore),
    **{
        name: (list(access.parameters.values()), access.perform)
        for name, access in ACCESSES.items()
        if not name.startswith("kernel.")
    },
}
"""Operation → the types of its arguments, and how it is done."""


class Reexecution:
    """The machine on which the log of one boot is executed again.

    Args:
        scenario: the boot.
        most: so much work is taken on; see `MOST_WORK`.

    Attributes:
        work: so much was done.
    """

    def __init__(self, scenario: Scenario, most: int = MOST_WORK) -> None:
        self.work = 0
        self._most = most
        self.machine = Machine(scenario.machine, seed=scenario.seed)
        self.boot_info = self.machine.power_on()
        self.machine.record_stores(scenario.recorded)
        self._accesses: list[Done] = []
        self._entries: Sequence[tuple[str, list[Any]]] = ()
        self._at = 0

    def events(self) -> list[Event]:
        """The trace so far, with the stores in their places if the scenario asked for them."""
        return self.machine.trace.with_stores()

    def take_accesses(self) -> list[Done]:
        """The accesses of checks since the last time."""
        taken, self._accesses = self._accesses, []
        return taken

    def follow(self, entries: Sequence[tuple[str, list[Any]]]) -> None:
        """Execute ``entries``, which come after those before.

        Raises:
            LogError: no machine leaves such a log behind.
        """
        self._entries, self._at = entries, 0
        while self._at < len(entries):
            self._step()

    def assert_leads_to(self, memory: Ram) -> None:
        """Compare the memory of this machine with that in which the worker's ran.

        Raises:
            LogError: they differ.
        """
        own = self.machine.ram
        for frame in {*memory.frames_in_use(), *own.known_offsets}:
            physical = frame * PAGE_SIZE
            if own.read(physical, PAGE_SIZE) != memory.read(physical, PAGE_SIZE):
                raise LogError(f"the operations do not lead to what memory holds at {physical:#x}")

    # --- entries ----------------------------------------------------------------------------------

    def _step(self) -> None:
        name, args = self._next()
        self._take_on(1)
        operation = OPERATIONS.get(name)
        if operation is not None:
            self._operate(name, args, *operation)
        elif name == "emit":
            self._emit(*_typed(name, args, [str, dict]))
        elif name == "registers":
            self._set_registers(*_typed(name, args, REGISTERS))
        elif name == "handlers":
            self._take_on(len(args))
            addresses = _typed(name, args, NUMBER * len(args))
            self.machine.cpu.register_handlers(dict.fromkeys(addresses, self._handle))
        else:
            raise LogError(f"{name[:40]!r} where an operation belongs")

    def _take_on(self, work: int) -> None:
        self.work += work
        if self.work > self._most:
            raise LogError("there is more of it than a kernel does")

    def _next(self) -> tuple[str, list[Any]]:
        if self._at >= len(self._entries):
            raise LogError("it ends within an operation")
        self._at += 1
        return self._entries[self._at - 1]

    def _next_is(self, name: str) -> bool:
        return self._at < len(self._entries) and self._entries[self._at][0] == name

    def _operate(
        self, name: str, args: list[Any], types: list[Any], function: Callable[..., object]
    ) -> None:
        """Do it; it has to end as it ended in the worker."""
        value: object = None
        failure: BaseException | None = None
        if self._next_is("raised") and list(map(type, args)) != types:
            self._next()  # refused before it did anything
            return
        arguments = _typed(name, args, types)
        if name.endswith("fill"):
            self._take_on(max(arguments[1], 0) // PAGE_SIZE)
        try:
            value = function(self.machine.cpu, *arguments)
        except LogError:
            raise
        except (Exception, MachineStopped, _Stopped) as error:  # noqa: BLE001 - as the worker's
            failure = error
        if self._next_is("raised"):
            self._raised(name, failure)
        elif failure is not None:
            raise LogError(f"{name} can't have gone through: {failure}")
        if name in ACCESSES:
            self._accesses.append(Done(name, tuple(arguments), value, failure is not None))

    def _raised(self, name: str, failure: BaseException | None) -> None:
        (cut_short,) = _typed("raised", self._next()[1], [bool])
        if cut_short and not isinstance(failure, _Stopped):
            raise LogError(f"a call used up its budget in the midst of {name}")
        if failure is None:
            raise LogError(f"{name} can't have failed")

    def _handle(self, _frame: TrapFrame) -> None:
        """What the handler did, in the worker's words; it ends as it ended there."""
        if not self._next_is("handler"):
            raise LogError("an exception came up here that it does not know")
        self._take_on(_EXCEPTION)
        self._next()
        while True:
            if self._next_is("end"):
                self._next()
                return
            if self._next_is("left"):
                self._leave(*_typed("left", self._next()[1], [bool]))
            self._step()

    def _leave(self, by_exception: bool) -> NoReturn:
        raise _Left if by_exception else _Stopped

    def _emit(self, kind: str, fields: dict[Any, Any]) -> None:
        known = KERNEL_EVENTS.get(kind, {})
        wrong = not known or not {"self", "kind"}.isdisjoint(fields)
        if wrong or any(type(fields.get(name)) is not wanted for name, wanted in known.items()):
            raise LogError(f"an event of the kind {kind[:40]!r} with fields of its own")
        self.machine.trace.emit(kind, **fields)

    def _set_registers(self, *values: int) -> None:
        cpu = self.machine.cpu
        cpu.ip, cpu.sp, cpu.bp, flags, cpl, cpu.cr2, *segments = values
        if cpl not in {0, 3}:
            raise LogError(f"a privilege level of {cpl}")
        cpu.set_flags(flags)
        cpu.set_cpl(cpl)
        cpu.segments.update(zip(cpu.segments, segments, strict=True))


def _typed(name: str, args: list[Any], types: list[Any]) -> list[Any]:
    """``args``, if they are of ``types``.

    Raises:
        LogError: they are not.
    """
    if list(map(type, args)) != types:
        raise LogError(f"{name[:40]} with arguments of other types than it has")
    return args
