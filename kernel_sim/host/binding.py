"""Bind an implementation to its plugin's view of the kernel, parameters by name.

A bound function takes the hook's parameters without ``kernel``, in the specification's order,
whatever its implementation leaves out or reorders. It is made once and called directly, or
registered with pluggy.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from kernel_sim.hookspecs import PROJECT
from kernel_sim.host.implementations import HOOK_PARAMETERS, Implementation

Bound = Callable[..., Any]


def bind(implementation: Implementation, view: object) -> Bound:
    """``implementation`` with ``view`` in the place of ``kernel``."""
    factory = _factory(
        HOOK_PARAMETERS[implementation.hook][1:],
        implementation.positional,
        implementation.keyword_only,
        implementation.wraps,
    )
    return factory(implementation.function, view)


def forward(hook: str, call: Bound) -> Bound:
    """``call``, which takes any arguments, as a function with the hook's parameter names.

    Pluggy reads the names from the code, not from the signature.
    """
    names = HOOK_PARAMETERS[hook][1:]
    return _factory(names, names, (), False)(call, None)


def mark(bound: Bound, hook: str, wrapper: Implementation | None = None) -> Bound:
    """``bound`` with the mark that pluggy looks for.

    The order of calls is the order of registration.
    """
    options = {
        "wrapper": wrapper is not None and wrapper.wrapper,
        "hookwrapper": wrapper is not None and wrapper.hookwrapper,
        "optionalhook": False,
        "tryfirst": False,
        "trylast": False,
        "specname": hook,
    }
    setattr(bound, f"{PROJECT}_impl", options)
    return bound


@cache
def _factory(
    passed: tuple[str, ...],
    positional: tuple[str, ...],
    keyword_only: tuple[str, ...],
    generator: bool,
) -> Callable[[Bound, object], Bound]:
    """A maker of bound functions for one pair of parameter lists.

    The source is made of names that the specifications hold, so compiling it runs nothing of a
    plugin's.
    """
    arguments = [*positional, *(f"{name}={name}" for name in keyword_only)]
    call = f"implementation({', '.join(arguments)})"
    result = f"(yield from {call})" if generator else call
    source = (
        "def make(implementation, kernel):\n"
        f"    def bound({', '.join(passed)}):\n"
        f"        return {result}\n"
        "    return bound\n"
    )
    namespace: dict[str, Any] = {}
    exec(compile(source, "<kernel_sim binding>", "exec"), namespace)  # noqa: S102 - our own source
    factory: Callable[[Bound, object], Bound] = namespace["make"]
    return factory
