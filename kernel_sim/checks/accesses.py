"""What the kernel itself does to memory between two hook calls, as operations of a batch.

A check calls hooks, and it makes the processor load, store and fetch, at CPL 0 or CPL 3, as the
code of a kernel or of a program would. Such an operation has a name with a dot in the place of a
hook's::

    Operation("cpu.store", (0xB8000, 2, 0x0741))     Operation("user.load", (0xC0000000, 4))

What the rest of the kernel does beside that has a name that begins with ``kernel``: it leaves tags
in the trace, as drivers do, and runs deep into its stack (`kernel_sim.checks.descent`). With
`DESCRIBE` a piece of available memory gets an entry of its own, as another firmware's map has it.

An access that stops the machine, a page fault that nobody mends, is a `Failure` of kind
``stopped``; the registers are then as before, and the next operation goes on.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, NamedTuple

from kernel_sim.boot import Boot
from kernel_sim.checks.descent import descend
from kernel_sim.kernel import Kernel
from kernel_sim.machine import Cpu
from kernel_sim.machine.firmware.available import without
from kernel_sim.machine.operation_log import OperationLog
from kernel_sim.values import MemoryRegion, RegionKind

DESCRIBE: Final = "kernel.describe"


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


def _root(kernel: Kernel) -> int:
    return kernel.root


def _tag(kernel: Kernel, start: int, end: int, tag: str) -> None:
    kernel.log("tag", start=start, end=end, tag=tag)


def _untag(kernel: Kernel, start: int, end: int, tag: str) -> None:
    kernel.log("untag", start=start, end=end, tag=tag)


def _describe(boot: Boot, base: int, length: int) -> None:
    added, kind = MemoryRegion(base, length, RegionKind.AVAILABLE, 1), RegionKind.AVAILABLE
    others = [region for region in boot.regions if region.kind is not kind]
    free = (region.range for region in boot.regions if region.kind is kind)
    rest = without(free, [added.range])
    pieces = [replace(added, base=item.start, length=item.length) for item in rest]
    boot.regions = sorted([*others, *pieces, added], key=lambda region: region.base)


_NUMBER: Final = {"address": int, "size": int}
_TAG: Final = {"start": int, "end": int, "tag": str}
_DESCENT: Final = {"depth": int, "locals_bytes": int, "damage": str, "address": int}
_BASIC: Final = {
    "load": Access(_NUMBER, int, Cpu.load),
    "store": Access({**_NUMBER, "value": int}, None, Cpu.store),
    "read": Access({"address": int, "n": int}, bytes, Cpu.read),
    "write": Access({"address": int, "data": bytes}, None, Cpu.write),
    "fill": Access({"address": int, "n": int, "byte": int}, None, Cpu.fill),
    "fetch": Access({"address": int}, int, Cpu.fetch),
}
ACCESSES: Final[Mapping[str, Access]] = {
    **{f"cpu.{name}": access for name, access in _BASIC.items()},
    **{
        f"user.{name}": access._replace(perform=_at_user_level(access.perform))
        for name, access in _BASIC.items()
    },
    "kernel.root": Access({}, int, _root),
    "kernel.tag": Access(_TAG, None, _tag),
    "kernel.untag": Access(_TAG, None, _untag),
    DESCRIBE: Access({"base": int, "length": int}, None, _describe),
    "kernel.descend": Access(_DESCENT, None, descend),
}
"""Name → access; those that begin with ``user`` run at CPL 3 in the present address space."""


def perform(boot: Boot, name: str, args: tuple[object, ...]) -> Any:  # noqa: ANN401 - the access's
    """The result of an access on a booted machine, made within a hook's budget.

    Raises:
        MachineStopped: a fault that nobody mended; the registers are as they were before.
        KernelOops: a hook that dealt with the fault failed.
    """
    cpu, log = boot.machine.cpu, boot.machine.log
    call: Callable[..., Any] = partial(ACCESSES[name].perform, cpu)
    if name.startswith("kernel."):
        call = partial(ACCESSES[name].perform, boot if name == DESCRIBE else boot.kernel)
    elif log is not None:
        call = partial(_logged, log, cpu, name, call)
    saved = cpu.save()
    try:
        return boot.host.outermost(call, args)
    except BaseException:
        cpu.restore(saved)
        raise


def _logged(log: OperationLog, cpu: Cpu, name: str, call: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401 - the access's
    return log.carry_out(cpu, name, args, lambda: call(*args))
