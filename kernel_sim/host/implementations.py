"""The hook implementations of a plugin: which hook, which function, which parameters by name."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from types import ModuleType
from typing import Any, Final

from kernel_sim import hookspecs
from kernel_sim.hookspecs import PROJECT, ROLE_HOOKS
from kernel_sim.nearest import did_you_mean

_MARK: Final = f"{PROJECT}_impl"
_FUNCTION_TYPES: Final = (staticmethod, classmethod)


def _specifications() -> dict[str, tuple[str, ...]]:
    marked = {
        name: value
        for name, value in vars(hookspecs).items()
        if inspect.isfunction(value) and hasattr(value, f"{PROJECT}_spec")
    }
    return {
        name: value.__code__.co_varnames[: value.__code__.co_argcount]
        for name, value in marked.items()
    }


HOOK_PARAMETERS: Final = _specifications()
"""Hook → the names of its parameters, ``kernel`` first."""
ROLE_OF_HOOK: Final = {hook: role for role, hooks in ROLE_HOOKS.items() for hook in hooks}
"""Provider hook → its role."""


@dataclass(frozen=True, slots=True)
class Implementation:
    """One function that implements ``hook``.

    ``positional`` and ``keyword_only`` name the parameters that it takes of the specification, in
    its own order.
    """

    hook: str
    function: Callable[..., Any]
    positional: tuple[str, ...]
    keyword_only: tuple[str, ...] = ()
    wrapper: bool = False
    hookwrapper: bool = False
    tryfirst: bool = False
    trylast: bool = False

    @property
    def wraps(self) -> bool:
        """Whether this goes round a provider instead of being one."""
        return self.wrapper or self.hookwrapper


@dataclass(frozen=True, slots=True)
class Mistake:
    """Why a function is no implementation; ``function`` is where it stands."""

    kind: str
    message: str
    function: Callable[..., Any]


def hook_functions(plugin: object) -> Iterator[tuple[str, Callable[..., Any], dict[str, Any]]]:
    """Name, function and options of everything in ``plugin`` that is marked with ``@hookimpl``."""
    for name, static in _attributes(plugin):
        if not (inspect.isroutine(static) or isinstance(static, _FUNCTION_TYPES)):
            continue
        function = getattr(plugin, name)
        options = getattr(static, _MARK, None) or getattr(function, _MARK, None)
        if isinstance(options, dict):
            yield name, function, options


def _attributes(plugin: object) -> Iterator[tuple[str, object]]:
    """Names, in order, and what stands there, without calling any code of the plugin's."""
    if type(plugin) is ModuleType and "__dir__" not in vars(plugin):
        yield from sorted(vars(plugin).items(), key=itemgetter(0))  # ten times as fast as the rest
        return
    for name in dir(plugin):
        yield name, inspect.getattr_static(plugin, name, None)


def read_implementation(
    name: str, function: Callable[..., Any], options: dict[str, Any]
) -> Implementation | Mistake | None:
    """The implementation that ``function`` is, or the mistake; None if it is optional."""
    hook = options.get("specname") or name
    if hook not in HOOK_PARAMETERS:
        if options.get("optionalhook"):
            return None
        hint = did_you_mean(hook, HOOK_PARAMETERS)
        return Mistake("misspelt", f"there is no hook {hook!r}{hint}", function)
    wrapper, hookwrapper = bool(options.get("wrapper")), bool(options.get("hookwrapper"))
    if (wrapper or hookwrapper) and not inspect.isgeneratorfunction(function):
        return Mistake("wrong_wrapper", f"the wrapper of {hook} has to yield once", function)
    taken = _parameters(hook, function)
    if isinstance(taken, Mistake):
        return taken
    positional, keyword_only = taken
    return Implementation(
        hook,
        function,
        positional,
        keyword_only,
        wrapper,
        hookwrapper,
        bool(options.get("tryfirst")),
        bool(options.get("trylast")),
    )


def _parameters(
    hook: str, function: Callable[..., Any]
) -> tuple[tuple[str, ...], tuple[str, ...]] | Mistake:
    """The parameters that ``function`` takes, or the mistake of asking for an unknown one."""
    known = HOOK_PARAMETERS[hook]
    positional: list[str] = []
    keyword_only: list[str] = []
    by_name = False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            continue
        if parameter.name not in known:
            if parameter.default is not parameter.empty:
                by_name = True
                continue
            hint = did_you_mean(parameter.name, known)
            message = f"{hook}({', '.join(known)}) passes no {parameter.name!r}{hint}"
            return Mistake("wrong_parameters", message, function)
        by_name = by_name or parameter.kind is parameter.KEYWORD_ONLY
        (keyword_only if by_name else positional).append(parameter.name)
    return tuple(positional), tuple(keyword_only)
