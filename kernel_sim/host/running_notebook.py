"""The running notebook as a plugin: the hooks that the last run of each cell defined.

Running a cell again retires what it defined before, so a hook whose misspelt name was corrected
does not stay.
"""

from collections.abc import Callable, Iterator, MutableMapping
from types import SimpleNamespace
from typing import Any, TypeAlias

from kernel_sim.hookspecs import PROJECT
from kernel_sim.host.loaded_plugin import LoadedPlugin, inspect_plugin

FrontEnd: TypeAlias = Any
"""IPython's shell, or what it tells of a cell; IPython is not imported here."""


class RunningNotebook:
    """A namespace in which cells run; `load_plugin` takes it as a plugin.

    Args:
        namespace: the notebook's globals.
        name: the plugin's name.
    """

    def __init__(self, namespace: MutableMapping[str, Any], name: str = "notebook") -> None:
        self.name = name
        self._namespace = namespace
        self._of_cell: dict[str, list[Callable[..., Any]]] = {}
        self._retired: list[Callable[..., Any]] = []
        self._before: list[Callable[..., Any]] = []

    def before_cell(self, cell_id: str) -> None:
        """A cell is about to run: what it defined before no longer counts."""
        self._retired += self._of_cell.pop(cell_id, [])
        self._before = list(self._marked())

    def after_cell(self, cell_id: str) -> None:
        """A cell has run, or has raised: the hooks that are new are its own."""
        known = {id(function) for function in self._before}
        new = [function for function in self._marked() if id(function) not in known]
        if new:
            self._of_cell[cell_id] = new

    def loaded_plugin(self) -> LoadedPlugin:
        """The plugin that the notebook is now."""
        retired = frozenset(id(function) for function in self._retired)
        names = {name: value for name, value in self._namespace.items() if name.isidentifier()}
        plugin = inspect_plugin(SimpleNamespace(**names), self.name, "this notebook", (), retired)
        return plugin.with_files(frozenset(self._files()))

    def _files(self) -> Iterator[str]:
        """Under which names the cells stand in tracebacks: also those with helpers alone."""
        for value in list(self._namespace.values()):
            own_class = isinstance(value, type) and value.__module__ == self._module
            for function in vars(value).values() if own_class else (value,):
                if getattr(function, "__globals__", None) is self._namespace:
                    yield function.__code__.co_filename

    @property
    def _module(self) -> object:
        return self._namespace.get("__name__")

    def _marked(self) -> Iterator[Callable[..., Any]]:
        for value in list(self._namespace.values()):
            if isinstance(getattr(value, f"{PROJECT}_impl", None), dict):
                yield value


def watch_notebook(shell: FrontEnd, name: str = "notebook") -> RunningNotebook:
    """The notebook that runs in ``shell``, which tells it of each cell from now on.

    Args:
        shell: what IPython's ``get_ipython()`` returns.
        name: the plugin's name.
    """
    notebook = RunningNotebook(shell.user_ns, name)

    def before(info: FrontEnd) -> None:
        notebook.before_cell(_cell_id(info))

    def after(result: FrontEnd) -> None:
        notebook.after_cell(_cell_id(result.info))

    shell.events.register("pre_run_cell", before)
    shell.events.register("post_run_cell", after)
    return notebook


def _cell_id(info: FrontEnd) -> str:
    """The id of a cell; front ends that send none give the cell's text instead."""
    return str(getattr(info, "cell_id", None) or getattr(info, "raw_cell", ""))
