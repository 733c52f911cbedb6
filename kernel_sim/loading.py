"""Loading a plugin by name, from a ``.py`` file, a notebook, or an object that is one."""

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from kernel_sim.errors import InputError
from kernel_sim.host.budget import Budget
from kernel_sim.host.inspected import inspect_once
from kernel_sim.host.loaded_plugin import LoadedPlugin, Problem, inspect_plugin
from kernel_sim.host.notebook_source import parse_notebook, read_notebook
from kernel_sim.host.oops import describe_error
from kernel_sim.host.source_location import locate
from kernel_sim.host.source_plugin import notebook_plugin, python_plugin
from kernel_sim.nearest import unknown_name

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = [
    "ENTRY_POINT_GROUP",
    "LoadedPlugin",
    "Problem",
    "load_plugin",
    "load_text",
    "plugin_names",
]

ENTRY_POINT_GROUP: Final = "kernel_sim"
LOAD_BUDGET: Final = Budget()
"""Of each cell, and of a whole ``.py`` file."""
_SUFFIXES: Final = (".py", ".ipynb")
_PACKAGES: Final = ("kernel_v", "bulldog_early", "bulldog", "theseus", "cyrius")


def load_plugin(source: object, budget: Budget = LOAD_BUDGET) -> LoadedPlugin:
    """The plugin that ``source`` names or is.

    Args:
        source: the name of an entry point, the path of a ``.py`` or ``.ipynb`` file, a
            `RunningNotebook`, a module, or an instance.
        budget: of running a file's source.

    Returns:
        The plugin. Source that raises or does not compile gives a plugin with ``problems``.

    Raises:
        InputError: no such plugin or file, or a file that can't be read.
    """
    if isinstance(source, LoadedPlugin):
        return source
    if isinstance(source, Path):
        return _load_file(source, budget)
    if isinstance(source, str):
        if source.endswith(_SUFFIXES) or "/" in source or "\\" in source:
            return _load_file(Path(source), budget)
        return _load_named(source)
    now = getattr(source, "loaded_plugin", None)
    plugin = now() if callable(now) else None
    if isinstance(plugin, LoadedPlugin):
        return plugin
    return inspect_plugin(source, _object_name(source), "object")


def load_text(text: str, name: str, budget: Budget | None = None) -> LoadedPlugin:
    """The plugin whose source is ``text``; no file is read.

    Args:
        text: a notebook's JSON if ``name`` ends in ``.ipynb``, else Python.
        name: of the file that it came from, for reports.
        budget: of running the source; None sets no limit of time.

    Raises:
        InputError: the text of a notebook is none.
    """
    path, limits = Path(name), budget or Budget(seconds=None)
    if path.suffix != ".ipynb":
        return python_plugin(text, path, limits)
    return notebook_plugin(parse_notebook(text, path.name), path, limits)


def plugin_names() -> list[str]:
    """The names of all installed plugins, in order."""
    return sorted(_entry_points())


# --- names ----------------------------------------------------------------------------------------


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
        problem = Problem("raised", describe_error(error), locate(error.__traceback__))
        return LoadedPlugin(name, f"plugin {name}", None, (), (problem,))
    return inspect_once(plugin, name, f"plugin {name}")


def _import(value: str) -> object:
    """The module, or the attribute of one, that an entry point's ``module[:attribute]`` names."""
    module_name, _, attribute = value.partition(":")
    found: object = importlib.import_module(module_name)
    for part in filter(None, attribute.split(".")):
        found = getattr(found, part)
    return found


def _reference_module(name: str) -> str | None:
    """The module of a reference plugin, found by its name.

    Entry points take 30 ms to look through.
    """
    for package in _PACKAGES:
        if name.startswith(f"{package}_"):
            module = f"kernel_sim_{package}.{name.removeprefix(f'{package}_')}"
            if module in sys.modules:
                return module
            if find_spec(f"kernel_sim_{package}") is not None and find_spec(module) is not None:
                return module
    return None


# --- files ----------------------------------------------------------------------------------------


def _load_file(path: Path, budget: Budget) -> LoadedPlugin:
    if not path.is_file():
        raise InputError("there is no such file", where=str(path), expected="a .py or .ipynb file")
    if path.suffix not in _SUFFIXES:
        raise InputError("is no plugin file", where=str(path), expected="a .py or .ipynb file")
    if path.suffix == ".ipynb":
        return notebook_plugin(read_notebook(path), path, budget)
    return _load_python(path, budget)


def _load_python(path: Path, budget: Budget) -> LoadedPlugin:
    """The plugin in a ``.py`` file; modules beside it can be imported while it loads."""
    try:
        source = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        where = str(path)
        raise InputError("is no text in UTF-8", where=where, expected="Python source") from error
    folder = str(path.parent.resolve())
    sys.path.insert(0, folder)
    try:
        return python_plugin(source, path, budget)
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def _object_name(plugin: object) -> str:
    if isinstance(plugin, ModuleType):
        return plugin.__name__.rpartition(".")[2]
    return plugin.__name__ if isinstance(plugin, type) else type(plugin).__name__
