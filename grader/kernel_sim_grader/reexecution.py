"""A worker's log of processor operations, executed again on a machine of the grader's own.

::

    worker    plugin ──▶ LoggedCpu ──▶ RAM (shared)
                             └─ log ─┐
    grader                           └──▶ Machine ──▶ RAM (its own)     both have to be equal

Order, exceptions, control registers and what the TLB holds come from here; from the worker, that
these operations were asked for. What a log can claim is therefore what a program can do, and it has
to lead to the memory that is there.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, NoReturn

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.accesses import ACCESSES
from kernel_sim.checks.bench import PhysicalMemory, Scenario
from kernel_sim.errors import MachineStopped
from kernel_sim.machine import Cpu, Machine, TrapFrame
from kernel_sim.machine.load_store import FETCH, READ
from kernel_sim.machine.registers import SavedRegisters, TaskRegister
from kernel_sim.values import Event

KERNEL_EVENTS: Final = frozenset({"hook", "log"})
"""Kinds of events that come from the kernel; the machine makes all others."""
REGISTERS: Final = (int,) * 10
MOST_ENTRIES: Final = 1_000_000
"""A longer log is not followed: seconds for the grader."""


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


def _restore(cpu: Cpu, *values: int) -> None:
    ip, sp, bp, flags, cpl, cr3, cs, ss, selector, base = values
    task = TaskRegister(selector, base)
    cpu.restore(SavedRegisters(ip, sp, bp, flags, cpl, cr3, cs, ss, task))


def _sets(name: str) -> Callable[[Cpu, int], None]:
    return lambda cpu, value: setattr(cpu, name, value)


OPERATIONS: Final[Mapping[str, tuple[tuple[Any, ...], Callable[..., object]]]] = {
    "touch": ((int,), _touch),
    "fetch": ((int,), _fetch),
    "store": ((int, int, int), Cpu.store),
    "write": ((int, bytes), Cpu.write),
    "fill": ((int, int, int), Cpu.fill),
    "rdmsr": ((int,), Cpu.rdmsr),
    "wrmsr": ((int, int), Cpu.wrmsr),
    "invlpg": ((int,), Cpu.invlpg),
    "cr0": ((int,), _sets("cr0")),
    "cr3": ((int,), _sets("cr3")),
    "cr4": ((int,), _sets("cr4")),
    "sti": ((), Cpu.sti),
    "cli": ((), Cpu.cli),
    "stac": ((), Cpu.stac),
    "clac": ((), Cpu.clac),
    "lgdt": ((int, int), Cpu.lgdt),
    "lidt": ((int, int), Cpu.lidt),
    "ltr": ((int,), Cpu.ltr),
    "load_segment": ((str, int), Cpu.load_segment),
    "interrupt": ((int, int | None), Cpu.interrupt),
    "inb": ((int,), Cpu.inb),
    "outb": ((int, int), Cpu.outb),
    "restore": (REGISTERS, _restore),
}
"""Operation → the types of its arguments, and how it is done."""


class Reexecution:
    """The machine on which the log of one boot is executed again.

    Args:
        scenario: the boot.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.machine = Machine(scenario.machine, seed=scenario.seed)
        self.boot_info = self.machine.power_on()
        self.machine.trace.stores = scenario.stores
        self._accesses: list[Done] = []
        self._entries: Sequence[tuple[str, list[Any]]] = ()
        self._at = 0
        self._count = 0

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
        self._count += len(entries)
        if self._count > MOST_ENTRIES:
            raise LogError(f"more than {MOST_ENTRIES} operations in one boot")
        self._entries, self._at = entries, 0
        while self._at < len(entries):
            self._step()

    def assert_leads_to(self, memory: PhysicalMemory, frames: Sequence[int]) -> None:
        """Compare memory: that of this machine, and that in which the worker's ran.

        Args:
            memory: the worker's.
            frames: the numbers of the frames that were touched there.

        Raises:
            LogError: they differ.
        """
        own = self.machine.ram
        for frame in {*frames, *own.known_offsets}:
            physical = frame * PAGE_SIZE
            if own.read(physical, PAGE_SIZE) != memory.read(physical, PAGE_SIZE):
                raise LogError(f"the operations do not lead to what memory holds at {physical:#x}")

    # --- entries ----------------------------------------------------------------------------------

    def _step(self) -> None:
        name, args = self._next()
        if name in OPERATIONS:
            types, function = OPERATIONS[name]
            self._operate(name, types, args, function)
        elif name in ACCESSES and not name.startswith("kernel."):
            access = ACCESSES[name]
            self._operate(name, tuple(access.parameters.values()), args, access.perform)
        elif name == "emit":
            self._emit(*_typed(name, args, (str, dict)))
        elif name == "registers":
            self._set_registers(*_typed(name, args, REGISTERS))
        elif name == "register_handler":
            (address,) = _typed(name, args, (int,))
            self.machine.cpu.register_handler(address, self._handle)
        else:
            raise LogError(f"{name!r} where an operation belongs")

    def _next(self) -> tuple[str, list[Any]]:
        if self._at >= len(self._entries):
            raise LogError("it ends within an operation")
        self._at += 1
        return self._entries[self._at - 1]

    def _next_is(self, name: str) -> bool:
        return self._at < len(self._entries) and self._entries[self._at][0] == name

    def _operate(
        self, name: str, types: tuple[Any, ...], args: list[Any], function: Callable[..., object]
    ) -> None:
        """Do it; it has to end as it ended in the worker."""
        value: object = None
        failure: BaseException | None = None
        arguments = _typed(name, args, types)
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
            self._accesses.append(Done(name, arguments, value, failure is not None))

    def _raised(self, name: str, failure: BaseException | None) -> None:
        (cut_short,) = _typed("raised", self._next()[1], (bool,))
        if cut_short and not isinstance(failure, _Stopped):
            raise LogError(f"a call used up its budget in the midst of {name}")
        if failure is None:
            raise LogError(f"{name} can't have failed")

    def _handle(self, _frame: TrapFrame) -> None:
        """What the handler did, in the worker's words; it ends as it ended there."""
        if not self._next_is("handler"):
            raise LogError("an exception came up here that it does not know")
        self._next()
        while True:
            if self._next_is("end"):
                self._next()
                return
            if self._next_is("left"):
                self._leave(*_typed("left", self._next()[1], (bool,)))
            self._step()

    def _leave(self, by_exception: bool) -> NoReturn:
        raise _Left if by_exception else _Stopped

    def _emit(self, kind: str, fields: dict[Any, Any]) -> None:
        if kind not in KERNEL_EVENTS or not {"self", "kind"}.isdisjoint(fields):
            raise LogError(f"an event of the kind {kind[:40]!r}")
        self.machine.trace.emit(kind, **fields)

    def _set_registers(self, *values: int) -> None:
        cpu = self.machine.cpu
        cpu.ip, cpu.sp, cpu.bp, flags, cpl, cpu.cr2, *segments = values
        if cpl not in {0, 3}:
            raise LogError(f"a privilege level of {cpl}")
        cpu.set_flags(flags)
        cpu.set_cpl(cpl)
        cpu.segments.update(zip(cpu.segments, segments, strict=True))


def _typed(name: str, args: list[Any], types: tuple[Any, ...]) -> tuple[Any, ...]:
    """``args``, if they are of ``types``.

    Raises:
        LogError: they are not.
    """
    if len(args) != len(types) or not all(map(_is, args, types)):
        raise LogError(f"{name} with arguments of other types than it has")
    return tuple(args)


def _is(value: object, kind: Any) -> bool:  # noqa: ANN401 - a type or a union
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
