"""Modules that were looked through for hooks already: each boot asks for the same references again.

A module is looked through anew when any of its names stands for another object than before.
"""

from dataclasses import dataclass
from operator import is_
from types import ModuleType

from kernel_sim.host.loaded_plugin import LoadedPlugin, inspect_plugin


@dataclass(frozen=True, slots=True)
class _Inspected:
    """What was found in a module, and what its names stood for then."""

    module: ModuleType
    names: tuple[str, ...]
    values: tuple[object, ...]
    found: LoadedPlugin

    def holds(self, plugin: object) -> bool:
        """Whether ``plugin`` is this module, and unchanged."""
        if plugin is not self.module:
            return False
        now = vars(self.module)
        return tuple(now) == self.names and all(map(is_, now.values(), self.values))


_KNOWN: dict[str, _Inspected] = {}


def inspect_once(plugin: object, name: str, origin: str) -> LoadedPlugin:
    """As `inspect_plugin`, without doing it again for a module that has not changed."""
    known = _KNOWN.get(origin)
    if known is not None and known.holds(plugin):
        return known.found
    found = inspect_plugin(plugin, name, origin)
    if type(plugin) is ModuleType:
        held = vars(plugin)
        _KNOWN[origin] = _Inspected(plugin, tuple(held), tuple(held.values()), found)
    return found
