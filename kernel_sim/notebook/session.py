"""What the running notebook is: its functions, its choices, and whether it only is being loaded.

A notebook is a plugin, too. When its file is loaded its cells run again, cells that a student added
among them; calls of this package must then do nothing. They answer with `quiet.QUIET`.
"""

import sys
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Final

from kernel_sim.hookspecs import ROLE_HOOKS
from kernel_sim.host.running_notebook import RunningNotebook, watch_notebook
from kernel_sim.host.source_plugin import LOADED_PREFIX
from kernel_sim.nearest import unknown_name
from kernel_sim.views.running_shell import running_shell

STUDENT_ROLES: Final = ("memmap", "pmm", "paging", "heap", "guard")
"""The roles that a lab asks for, in order of the labs."""
REFERENCE: Final = "reference"


@dataclass(slots=True)
class Session:
    """One notebook: role to plugin, as `use` was told, and the watch over its cells."""

    plugins: dict[str, object] = field(default_factory=dict)
    notebook: RunningNotebook | None = None


SESSION: Final = Session()
"""The running notebook's session."""


def begin() -> None:
    """Watch the cells of the notebook that runs, if one does, from now on."""
    shell = running_shell()
    if shell is not None and SESSION.notebook is None:
        SESSION.notebook = watch_notebook(shell)
        SESSION.notebook.before_cell("")  # hooks that are there already belong to no cell


def own_notebook() -> RunningNotebook:
    """The caller's hooks: those of the running notebook, or of the caller's module."""
    namespace = callers_namespace()
    shell = running_shell()
    if SESSION.notebook is not None and shell is not None and shell.user_ns is namespace:
        return SESSION.notebook
    return RunningNotebook(namespace)


def callers_namespace() -> dict[str, Any]:
    """The global names of the innermost caller outside this package."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the one way to a caller's globals
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith(__package__):
        frame = frame.f_back
    return {} if frame is None else frame.f_globals


def is_being_loaded() -> bool:
    """Whether the caller is a cell of a notebook that is being loaded as a plugin."""
    return str(callers_namespace().get("__name__", "")).startswith(LOADED_PREFIX)


def use(role: str, plugin: object = REFERENCE) -> None:
    """From now on, boot with ``plugin`` in ``role``.

    Args:
        role: memmap, pmm, paging, heap or guard.
        plugin: ``'reference'``, a file, a plugin's name or an object. None takes the choice back:
            then the notebook's own hooks fill the role, or else the reference.

    Raises:
        InputError: there is no such role.
    """
    if is_being_loaded():
        return
    check_role(role)
    if plugin is None:
        SESSION.plugins.pop(role, None)
    else:
        SESSION.plugins[role] = plugin


def check_role(role: str) -> None:
    """Refuse a role that does not exist.

    Raises:
        InputError: names the roles there are.
    """
    if role not in ROLE_HOOKS:
        raise unknown_name("role", role, STUDENT_ROLES)
