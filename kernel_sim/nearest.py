"""The nearest right name for a wrong one."""

import difflib
from collections.abc import Iterable

from kernel_sim.errors import InputError


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The name in ``known`` that looks most like ``name``, or None if none does."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.55)
    return found[0] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A clause such as ``"; did you mean pmm_init?"``, or nothing."""
    found = nearest(name, known)
    return f"; did you mean {found}?" if found else ""


def unknown_name(what: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a ``name`` that is none of ``known``; ``what`` says of which kind."""
    names = list(known)
    return InputError(
        f"no {what} is called {name!r}{did_you_mean(name, names)}",
        expected=f"one of {', '.join(names)}",
    )
