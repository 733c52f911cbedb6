"""Calls to be made whenever a cell of the notebook has run to its end."""

from collections.abc import Callable
from typing import Any, Final
from weakref import WeakMethod, WeakSet

from kernel_sim.views.running_shell import running_shell

_SHELLS: Final[WeakSet[Any]] = WeakSet()
"""The shells that tell of their cells already."""
_CALLS: Final[list[WeakMethod[Callable[[], object]]]] = []


def at_cell_end(call: Callable[[], object]) -> None:
    """Call the bound method ``call`` after each cell, as long as its object lives."""
    _CALLS.append(WeakMethod(call))
    shell = running_shell()
    if shell is not None and shell not in _SHELLS:
        _SHELLS.add(shell)
        shell.events.register("post_run_cell", run_calls)


def run_calls(*_result: object) -> None:
    """Make all calls; those whose object is gone are forgotten."""
    for reference in list(_CALLS):
        call = reference()
        if call is None:
            _CALLS.remove(reference)
        else:
            call()
