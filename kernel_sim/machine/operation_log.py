"""The log of what one processor was told to do: enough for another machine to do it again.

An entry is a name with arguments::

    registers              ip sp bp flags cpl cr2 cs ds es ss, where the program has set them itself
    store, cr3, touch, …   an operation of the processor
      handler              an exception that it met has reached its handler
        …                  what that did
      end | left           it returned | an exception of Python's left it
    raised                 the operation did not come to its end
    handlers               addresses at which there is Python code from now on
    emit                   an event of the kernel's between two operations

``touch`` and ``fetch`` are accesses that the unit's fast path did not serve. A load that it does
serve, from a page that was touched before, changes nothing and is no entry.
"""

from collections.abc import Callable
from operator import index
from typing import TYPE_CHECKING, Any, Final

from kernel_sim.errors import BudgetExceeded
from kernel_sim.trace import Trace
from kernel_sim.values import Event

if TYPE_CHECKING:
    from kernel_sim.machine.registers import RegisterUnit
    from kernel_sim.machine.traps import Handler, TrapFrame

Entry = tuple[str, tuple[Any, ...]]
_STORES: Final = frozenset({"store", "write", "fill"})


class OperationLog:
    """What happened since the machine was powered on, or since it was last taken."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.inside = False
        """Whether an operation is being carried out: what it does in turn is a part of it."""
        self._registers: tuple[int, ...] = ()

    def begin(self, cpu: "RegisterUnit") -> None:
        """Forget everything; ``cpu`` is in the state in which the firmware hands over."""
        self.entries.clear()
        self._registers = registers_of(cpu)

    def take(self) -> list[Entry]:
        """The entries since the last time."""
        taken, self.entries = self.entries, []
        return taken

    def carry_out(
        self, cpu: "RegisterUnit", name: str, args: tuple[object, ...], call: Callable[[], Any]
    ) -> Any:  # noqa: ANN401 - what the operation gives
        """Note the operation, and do it."""
        if self.inside:
            return call()
        try:
            plain = tuple(map(_plain, args))
        except TypeError:
            return call()  # what is no number at all is refused by every operation
        self.note_registers(cpu)
        self.entries.append((name, plain))
        length = len(self.entries)
        self.inside = True
        try:
            return call()
        except BaseException as error:
            self.entries.append(("raised", (isinstance(error, BudgetExceeded),)))
            raise
        finally:
            self.inside = False
            if name not in _STORES or len(self.entries) > length:
                self._registers = registers_of(cpu)

    def note_handler(self, address: int) -> None:
        """Note that there is a handler at the linear ``address``."""
        if self.entries and self.entries[-1][0] == "handlers":
            self.entries[-1] = ("handlers", (*self.entries[-1][1], address))
        else:
            self.entries.append(("handlers", (address,)))

    def note_registers(self, cpu: "RegisterUnit") -> None:
        """Note the registers if the program has set one since the last operation."""
        registers = registers_of(cpu)
        if registers != self._registers:
            self.entries.append(("registers", registers))
            self._registers = registers

    def watched(self, cpu: "RegisterUnit", handler: "Handler") -> "Handler":
        """``handler``, what it does noted as its own doing."""

        def handle(frame: "TrapFrame") -> None:
            self.entries.append(("handler", ()))
            self._registers = registers_of(cpu)
            self.inside = False
            try:
                handler(frame)
                self.note_registers(cpu)
            except BaseException as error:
                self.note_registers(cpu)
                self.entries.append(("left", (isinstance(error, Exception),)))
                raise
            else:
                self.entries.append(("end", ()))
            finally:
                self.inside = True

        return handle


class LoggedTrace(Trace):
    """A trace that notes the kernel's own events in ``log``; the machine's come by themselves."""

    def __init__(self, log: OperationLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, kind: str, **fields: object) -> Event:
        """Append an event."""
        if not self._log.inside:
            self._log.entries.append(("emit", (kind, fields)))
        return super().emit(kind, **fields)


def registers_of(cpu: "RegisterUnit") -> tuple[int, ...]:
    """The registers that a program can set without an operation that is logged."""
    return (cpu.ip, cpu.sp, cpu.bp, cpu.flags, cpu.cpl, cpu.cr2, *cpu.segments.values())


def _plain(value: object) -> object:
    """A number, text or bytes as a plain value.

    Raises:
        TypeError: it is none of them.
    """
    if value is None or type(value) in {int, str, bytes}:
        return value
    if isinstance(value, str):
        return str(value)
    try:
        return index(value)  # type: ignore[arg-type] # tried
    except TypeError:
        return bytes(memoryview(value))  # type: ignore[arg-type] # tried
