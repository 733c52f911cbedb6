"""The labs whose checks are sequences of hook calls, and what each of them knows."""

import importlib
from typing import Final

from kernel_sim.checks.operations_check import OperationLab
from kernel_sim.nearest import unknown_name

MODULES: Final = {
    "lab2": "kernel_sim.checks.frame_lab",
    "lab3": "kernel_sim.checks.paging_lab",
    "lab4": "kernel_sim.checks.heap_lab",
    "lab5": "kernel_sim.checks.guard_lab",
}
"""Lab → the module whose ``OPERATIONS`` is its `OperationLab`."""


def operation_lab(lab: str) -> OperationLab:
    """What the lab knows.

    Raises:
        InputError: there is no such lab, or its checks are of another kind.
    """
    if lab not in MODULES:
        raise unknown_name("lab", lab, MODULES)
    found: OperationLab = importlib.import_module(MODULES[lab]).OPERATIONS
    return found
