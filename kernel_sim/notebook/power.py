"""A machine in the state in which the kernel takes over: tables written, no instruction run."""

from dataclasses import replace
from typing import Any

from kernel_sim.errors import InputError
from kernel_sim.machine import Machine, MachineSpec, machine_spec
from kernel_sim.notebook.quiet import quiet_while_loading


@quiet_while_loading
def power_on(machine: str | MachineSpec = "pc128", *, seed: int = 0, **changes: Any) -> Machine:  # noqa: ANN401 - any field of the description
    """A machine that has just been switched on; its firmware has filled memory.

    Args:
        machine: a name such as ``'pc128'`` or ``'map-31'``, a JSON file with one map, or a
            description.
        seed: decides what stands in memory that nobody has written.
        changes: fields of the description to change, such as ``entry_size=20``.

    Raises:
        InputError: there is no such machine, or no such field.
    """
    powered = Machine(changed(spec_of(machine), changes), seed=seed)
    powered.power_on()
    return powered


def spec_of(machine: str | MachineSpec) -> MachineSpec:
    """The description of ``machine``, which may already be one."""
    return machine if isinstance(machine, MachineSpec) else machine_spec(machine)


def changed(spec: MachineSpec, changes: dict[str, Any]) -> MachineSpec:
    """``spec`` with some fields changed.

    Raises:
        InputError: a field that a description does not have.
    """
    try:
        return replace(spec, **changes)
    except TypeError as error:
        raise InputError(
            f"a machine has no {' or '.join(sorted(changes))}",
            expected="fields of MachineSpec, such as entry_size=20",
        ) from error
