"""A processor that keeps a log of its operations, for a machine that repeats them."""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

from kernel_sim.machine.access_rights import Access
from kernel_sim.machine.control import ControlUnit
from kernel_sim.machine.cpu import Cpu
from kernel_sim.machine.devices.bus import Bus
from kernel_sim.machine.exceptions import Vector
from kernel_sim.machine.mmu import Mmu
from kernel_sim.machine.operation_log import OperationLog
from kernel_sim.machine.registers import SavedRegisters
from kernel_sim.machine.traps import Handler
from kernel_sim.trace import Trace


def _logged(name: str) -> Any:  # noqa: ANN401 - a method of `Cpu` with its own parameters
    """The method ``name`` of `Cpu`, noted whenever a program calls it."""
    method: Callable[..., Any] = getattr(Cpu, name)
    parameters = signature(method)

    def carried_out(self: "LoggedCpu", *args: object, **named: object) -> Any:  # noqa: ANN401
        if named:
            try:
                args, named = parameters.bind(self, *args, **named).args[1:], {}
            except TypeError:
                return method(self, *args, **named)  # says itself what is missing
        return self.log.carry_out(self, name, args, lambda: method(self, *args))

    carried_out.__doc__ = method.__doc__
    return carried_out


class LoggedCpu(Cpu):
    """A processor whose operations are noted in ``log``."""

    def __init__(self, bus: Bus, mmu: Mmu, trace: Trace, log: OperationLog) -> None:
        self.log = log
        super().__init__(bus, mmu, trace)

    store = _logged("store")
    write = _logged("write")
    fill = _logged("fill")
    rdmsr = _logged("rdmsr")
    wrmsr = _logged("wrmsr")
    invlpg = _logged("invlpg")
    sti = _logged("sti")
    cli = _logged("cli")
    stac = _logged("stac")
    clac = _logged("clac")
    lgdt = _logged("lgdt")
    lidt = _logged("lidt")
    ltr = _logged("ltr")
    load_segment = _logged("load_segment")
    inb = _logged("inb")
    outb = _logged("outb")

    def resolve(self, address: int, access: Access) -> int:
        """The physical address for ``access``; see `LoadStoreUnit.resolve`."""
        name = "fetch" if access.fetch else "touch"
        call = super().resolve
        return int(self.log.carry_out(self, name, (address,), lambda: call(address, access)))

    def interrupt(self, vector: Vector, error_code: int | None = None) -> None:
        """Raise an exception; see `TrapUnit.interrupt`. No error code is noted as -1."""
        args = (vector, -1 if error_code is None else error_code)
        call = super().interrupt
        self.log.carry_out(self, "interrupt", args, lambda: call(vector, error_code))

    def restore(self, saved: SavedRegisters) -> None:
        """Unwind to ``saved``; see `RegisterUnit.restore`."""
        registers = (saved.ip, saved.sp, saved.bp, saved.flags, saved.cpl, saved.cr3)
        segments = (saved.cs, saved.ss, saved.tr.selector, saved.tr.base)
        call = super().restore
        self.log.carry_out(self, "restore", registers + segments, lambda: call(saved))

    def register_handler(self, address: int, handler: Handler) -> None:
        """Let ``handler`` be the code at linear ``address``; what it does is noted as its own."""
        self.log.note_handler(int(address))
        super().register_handler(address, self.log.watched(self, handler))

    def register_handlers(self, handlers: Mapping[int, Handler]) -> None:
        """The same for many: linear address → callable."""
        for address, handler in handlers.items():
            self.register_handler(address, handler)

    @property
    def cr0(self) -> int:
        """CR0; see `ControlUnit.cr0`."""
        return self._cr0

    @cr0.setter
    def cr0(self, value: int) -> None:
        self._write_control("cr0", value)

    @property
    def cr3(self) -> int:
        """CR3; see `ControlUnit.cr3`."""
        return self._cr3

    @cr3.setter
    def cr3(self, value: int) -> None:
        self._write_control("cr3", value)

    @property
    def cr4(self) -> int:
        """CR4; see `ControlUnit.cr4`."""
        return self._cr4

    @cr4.setter
    def cr4(self, value: int) -> None:
        self._write_control("cr4", value)

    def _write_control(self, name: str, value: int) -> None:
        register: Any = vars(ControlUnit)[name]
        self.log.carry_out(self, name, (value,), lambda: register.fset(self, value))
