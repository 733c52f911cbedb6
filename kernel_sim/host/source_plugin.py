"""A plugin from source text: one module for a Python file, one namespace for a notebook's cells."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Final

from kernel_sim.errors import BudgetExceeded, MachineStopped
from kernel_sim.host.budget import Budget, OutOfTime, timer
from kernel_sim.host.loaded_plugin import LoadedPlugin, Problem, inspect_plugin
from kernel_sim.host.notebook_source import Cell
from kernel_sim.host.oops import describe_error
from kernel_sim.host.source_compile import compile_source
from kernel_sim.host.source_location import Location, at, locate

LOADED_PREFIX: Final = "kernel_sim_loaded_"
"""Of the names that modules made from source have in ``sys.modules``: dataclasses look there."""


def python_plugin(source: str, path: Path, budget: Budget) -> LoadedPlugin:
    """The plugin in a Python file's ``source``.

    If that raises, one without hooks and with the problem.
    """
    module, name = _new_module(path), str(path)
    problem = _execute(source, name, module, budget)
    if problem is not None:
        return LoadedPlugin(path.stem, name, module, (), (problem,), frozenset({name}))
    return inspect_plugin(module, path.stem, name)


def notebook_plugin(cells: list[Cell], path: Path, budget: Budget) -> LoadedPlugin:
    """The plugin in a notebook's ``cells``.

    A cell that raises is a problem, and the next one follows.
    """
    module = _new_module(path)
    problems = [
        problem
        for cell in cells
        if (problem := _execute(cell.source, cell.name, module, budget)) is not None
    ]
    plugin = inspect_plugin(module, path.stem, str(path), tuple(problems))
    return plugin.with_files({cell.name for cell in cells})


def _new_module(path: Path) -> ModuleType:
    count = sum(name.startswith(LOADED_PREFIX) for name in sys.modules)
    while (name := f"{LOADED_PREFIX}{count}_{path.stem}") in sys.modules:
        count += 1
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    return module


def _execute(source: str, name: str, module: ModuleType, budget: Budget) -> Problem | None:
    """Run ``source`` in ``module`` within the budget's time; the problem if that raised."""
    clock = timer(budget)
    try:
        code = compile_source(source, name)
        clock.arm(budget.seconds or 0)
        try:
            exec(code, vars(module))  # noqa: S102 - this is what loading means
        finally:
            clock.disarm()
    except KeyboardInterrupt:
        raise
    except OutOfTime as error:
        clock.disarm()
        message = str(BudgetExceeded("seconds", budget.seconds or 0))
        return Problem("raised", message, locate(error.__traceback__, frozenset({name})))
    except (Exception, SystemExit, MachineStopped, BudgetExceeded) as error:  # noqa: BLE001 - a student's code
        return _problem(error, name)
    return None


def _problem(error: BaseException, name: str) -> Problem:
    if isinstance(error, SyntaxError) and error.filename == name and error.lineno:
        message = f"{type(error).__name__}: {error.msg}"
        return Problem("raised", message, at(name, error.lineno))
    location = locate(error.__traceback__, frozenset({name}))
    return Problem("raised", describe_error(error), location if location.file else Location(name))
