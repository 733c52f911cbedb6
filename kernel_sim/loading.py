"""Loading a plugin from an entry point, a ``.py`` file, a notebook, the running notebook, or an object."""

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from kernel_sim.errors import BudgetExceeded, InputError, MachineStopped
from kernel_sim.loaded_plugin import LoadedPlugin, Problem, inspect_plugin
from kernel_sim.oops import describe_error
from kernel_sim.nearest import unknown_name
from kernel_sim.notebook_source import read_notebook
from kernel_sim.source_compile import compile_source
from kernel_sim.source_location import Location, at, locate

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["ENTRY_POINT_GROUP", "LoadedPlugin", "Problem", "load_plugin", "plugin_names"]

ENTRY_POINT_GROUP: Final = "kernel_sim"
_SUFFIXES: Final = (".py", ".ipynb")
_PACKAGES: Final = ("kernel_v", "bulldog_early", "bulldog", "theseus", "cyrius")


def load_plugin(source: str | Path | object) -> LoadedPlugin:
    """The plugin that ``source`` names or is.

    Args:
        source: the name of an entry point, the path of a ``.py`` or ``.ipynb`` file, a module, or an instance.

    Returns:
        The plugin. Source that raises or does not compile gives a plugin with ``problems`` and without hooks.

    Raises:
        InputError: no such plugin or file, or a file that can't be read.
    """
    if isinstance(source, LoadedPlugin):
        return source
    if isinstance(source, Path):
        return _load_file(source)
    if isinstance(source, str):
        if source.endswith(_SUFFIXES) or "/" in source or "\\" in source:
            return _load_file(Path(source))
        return _load_named(source)
    to_plugin = getattr(source, "loaded_plugin", None)
    if callable(to_plugin):
        snapshot = to_plugin()
        if isinstance(snapshot, LoadedPlugin):
            return snapshot
    return inspect_plugin(source, _object_name(source), "object")


def plugin_names() -> list[str]:
    """The names of all installed plugins, in order."""
    return sorted(_entry_points())


# --- names ----------------------------------------------------------------------------------------------------------


def _entry_points() -> dict[str, "EntryPoint"]:
    from importlib.metadata import entry_points  # noqa: PLC0415 - costs as much as a boot

    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}


def _load_named(name: str) -> LoadedPlugin:
    module_name = _reference_module(name)
    if module_name is None:
        point = _entry_points().get(name)
        if point is None:
            raise unknown_name("plugin", name, plugin_names())
        module_name = point.value
    try:
        plugin: object = _import(module_name)
    except Exception as error:  # noqa: BLE001 - a third party's import may raise anything
        return _not_loaded(name, f"plugin {name}", error)
    return inspect_plugin(plugin, name, f"plugin {name}")


def _import(value: str) -> object:
    """The module, or the attribute of one, that an entry point's value ``module[:attribute]`` names."""
    module_name, _, attribute = value.partition(":")
    found: object = importlib.import_module(module_name)
    for part in filter(None, attribute.split(".")):
        found = getattr(found, part)
    return found


def _reference_module(name: str) -> str | None:
    """The module of a reference plugin, found by its name: looking through all entry points takes 30 ms."""
    for package in _PACKAGES:
        if name.startswith(f"{package}_"):
            module = f"kernel_sim_{package}.{name.removeprefix(f'{package}_')}"
            if module in sys.modules:
                return module
            if find_spec(f"kernel_sim_{package}") is not None and find_spec(module) is not None:
                return module
    return None


# --- files ----------------------------------------------------------------------------------------------------------


def _load_file(path: Path) -> LoadedPlugin:
    if not path.is_file():
        raise InputError("there is no such file", where=str(path), expected="a .py or .ipynb file")
    if path.suffix not in _SUFFIXES:
        raise InputError("is no plugin file", where=str(path), expected="a .py or .ipynb file")
    return _load_notebook(path) if path.suffix == ".ipynb" else _load_python(path)


def _load_python(path: Path) -> LoadedPlugin:
    try:
        source = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise InputError(
            "is no text in UTF-8", where=str(path), expected="Python source"
        ) from error
    module, name = _new_module(path), str(path)
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        problem = _execute(source, name, module, "does_not_load")
    finally:
        sys.path.remove(str(path.parent.resolve()))
    if problem is not None:
        return LoadedPlugin(path.stem, name, module, (), (problem,), frozenset({name}))
    return inspect_plugin(module, path.stem, name)


def _load_notebook(path: Path) -> LoadedPlugin:
    """The notebook as one module; a cell that raises is a problem, and the next one follows."""
    module = _new_module(path)
    problems = [
        problem
        for cell in read_notebook(path)
        if (problem := _execute(cell.source, cell.name, module, "cell_raised")) is not None
    ]
    return inspect_plugin(module, path.stem, str(path), tuple(problems))


def _new_module(path: Path) -> ModuleType:
    """An empty module of its own name; it is in ``sys.modules``, where dataclasses look for it."""
    count = sum(name.startswith("kernel_sim_loaded_") for name in sys.modules)
    module = ModuleType(f"kernel_sim_loaded_{count}_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    return module


def _execute(source: str, name: str, module: ModuleType, kind: str) -> Problem | None:
    """Run ``source`` in ``module``; the problem if that raised."""
    try:
        exec(compile_source(source, name), vars(module))  # noqa: S102 - this is what loading means
    except (KeyboardInterrupt, BudgetExceeded):
        raise
    except (Exception, SystemExit, MachineStopped) as error:
        return _problem(kind, error, name)
    return None


def _problem(kind: str, error: BaseException, name: str) -> Problem:
    if isinstance(error, SyntaxError) and error.filename == name and error.lineno:
        return Problem(kind, f"{type(error).__name__}: {error.msg}", at(name, error.lineno))
    location = locate(error.__traceback__, frozenset({name})) or Location(name)
    return Problem(kind, describe_error(error), location)


def _not_loaded(name: str, origin: str, error: Exception) -> LoadedPlugin:
    problem = Problem("does_not_load", describe_error(error), locate(error.__traceback__))
    return LoadedPlugin(name, origin, None, (), (problem,))


def _object_name(plugin: object) -> str:
    if isinstance(plugin, ModuleType):
        return plugin.__name__.rpartition(".")[2]
    return plugin.__name__ if isinstance(plugin, type) else type(plugin).__name__
