"""What the kernel itself does to memory between two hook calls, as operations of a batch.

A check calls hooks, and it makes the processor load, store and fetch, at CPL 0 or CPL 3, as the
code of a kernel or of a program would. Such an operation has a name with a dot in the place of a
hook's::

    Operation("cpu.store", (0xB8000, 2, 0x0741))     Operation("user.load", (0xC0000000, 4))

An access that stops the machine, a page fault that nobody mends, is a `Failure` of kind
``stopped``; the registers are then as before, and the next operation goes on.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from kernel_sim.boot import Boot
from kernel_sim.machine import Cpu


class Access(NamedTuple):
    """One kind of access: its parameters and their types, its result's type, how it is done."""

    parameters: Mapping[str, type]
    result: Any
    perform: Callable[..., Any]


def _at_user_level(perform: Callable[..., Any]) -> Callable[..., Any]:
    def performed(cpu: Cpu, *args: Any) -> Any:  # noqa: ANN401 - whatever the access takes
        with cpu.user():
            return perform(cpu, *args)

    return performed


_NUMBER: Final = {"address": int, "size": int}
_BASIC: Final = {
    "load": Access(_NUMBER, int, Cpu.load),
    "store": Access({**_NUMBER, "value": int}, None, Cpu.store),
    "read": Access({"address": int, "n": int}, bytes, Cpu.read),
    "write": Access({"address": int, "data": bytes}, None, Cpu.write),
    "fetch": Access({"address": int}, int, Cpu.fetch),
}
ACCESSES: Final[Mapping[str, Access]] = {
    **{f"cpu.{name}": access for name, access in _BASIC.items()},
    **{
        f"user.{name}": access._replace(perform=_at_user_level(access.perform))
        for name, access in _BASIC.items()
    },
}
"""Name → access; those that begin with ``user`` run at CPL 3 in the present address space."""


def perform(boot: Boot, name: str, args: tuple[object, ...]) -> Any:  # noqa: ANN401 - the access's
    """The result of an access on a booted machine, made within a hook's budget.

    Raises:
        MachineStopped: a fault that nobody mended; the registers are as they were before.
        KernelOops: a hook that dealt with the fault failed.
    """
    cpu = boot.machine.cpu
    saved = cpu.save()
    try:
        return boot.host.outermost(ACCESSES[name].perform, (cpu, *args))
    except BaseException:
        cpu.restore(saved)
        raise
