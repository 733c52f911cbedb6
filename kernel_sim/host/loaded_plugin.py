"""A plugin after loading: what it implements, which roles it fills, and what is wrong with it."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from kernel_sim.hookspecs import ROLE_HOOKS
from kernel_sim.host.implementations import (
    HOOK_PARAMETERS,
    ROLE_OF_HOOK,
    Implementation,
    Mistake,
    hook_functions,
    read_implementation,
)
from kernel_sim.host.source_location import Location, at, definition


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a plugin's source.

    ``kind`` is ``'raised'`` (the file or a cell does), ``'misspelt'``, ``'wrong_parameters'``,
    ``'wrong_wrapper'``, ``'duplicate'`` or ``'unmarked'``.
    """

    kind: str
    message: str
    location: Location = field(default_factory=Location)

    def __str__(self) -> str:
        return f"{self.location}: {self.message}" if self.location.file else self.message


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """A plugin and what the host has to know of it.

    Args:
        name: unique within a boot; reports use it.
        origin: where it came from, for people.
        plugin: the module, instance or namespace itself.
        implementations: its hooks, in the order of their names.
        problems: what was found wrong while loading; the rest of the plugin works.
        files: names under which its source appears in tracebacks.
    """

    name: str
    origin: str
    plugin: object
    implementations: tuple[Implementation, ...]
    problems: tuple[Problem, ...] = ()
    files: frozenset[str] = frozenset()

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles of which it implements at least one hook."""
        provided = {ROLE_OF_HOOK.get(item.hook) for item in self.implementations if not item.wraps}
        return tuple(role for role in ROLE_HOOKS if role in provided)

    @property
    def is_pager(self) -> bool:
        """Whether its ``page_fault`` is asked before others: ``page_fault_rank = 'pager'``."""
        return getattr(self.plugin, "page_fault_rank", None) == "pager"

    def renamed(self, name: str) -> "LoadedPlugin":
        """The same plugin under another name."""
        return replace(self, name=name)

    def with_files(self, files: AbstractSet[str]) -> "LoadedPlugin":
        """The same plugin, with more names under which its source appears in tracebacks."""
        return replace(self, files=self.files | files)

    def implements(self, hook: str) -> bool:
        """Whether it has an implementation of ``hook`` of its own, wrappers aside."""
        return any(item.hook == hook and not item.wraps for item in self.implementations)


def inspect_plugin(
    plugin: object,
    name: str,
    origin: str,
    problems: tuple[Problem, ...] = (),
    retired: frozenset[int] = frozenset(),
) -> LoadedPlugin:
    """``plugin`` with its implementations.

    Functions that are none become problems and are left out.

    Args:
        plugin: a module, an instance, or anything else with attributes.
        name: the plugin's name.
        origin: where it came from.
        problems: those met so far.
        retired: ``id`` of functions that no longer count.
    """
    found: dict[str, Implementation] = {}
    wraps: list[Implementation] = []
    wrong = list(problems)
    for attribute, function, options in hook_functions(plugin):
        if id(function) in retired:
            continue
        item = read_implementation(attribute, function, options)
        if isinstance(item, Mistake):
            wrong.append(Problem(item.kind, item.message, _place(item)))
        elif item is not None and item.wraps:
            wraps.append(item)
        elif item is not None and item.hook in found:
            message = f"two functions implement {item.hook}"
            wrong.append(Problem("duplicate", message, _place(item)))
        elif item is not None:
            found[item.hook] = item
    implementations = (*found.values(), *wraps)
    wrong += _unmarked(plugin, set(found))
    files = frozenset(
        code.co_filename
        for item in implementations
        if (code := getattr(item.function, "__code__", None)) is not None
    )
    return LoadedPlugin(name, origin, plugin, implementations, tuple(wrong), files)


def _unmarked(plugin: object, found: set[str]) -> list[Problem]:
    """A hint for each function that has a hook's name and parameters but no ``@hookimpl``."""
    problems = []
    for hook in sorted(HOOK_PARAMETERS.keys() - found):
        function = getattr(plugin, "__dict__", {}).get(hook)
        code = getattr(function, "__code__", None)
        if code is None or hasattr(function, "kernel_sim_impl"):
            continue
        if code.co_varnames[:1] == ("kernel",):
            message = f"{hook} is a hook's name, but the function is not marked with @hookimpl"
            problems.append(Problem("unmarked", message, at(*definition(code))))
    return problems


def _place(mistake: Mistake | Implementation) -> Location:
    code = getattr(mistake.function, "__code__", None)
    return Location() if code is None else at(*definition(code))
