"""Checks of what a plugin passes to another role.

A wrong type is the caller's mistake, at the caller's line.
"""

from typing import TypeVar

from kernel_sim.page_table import PageTableFlags

T = TypeVar("T")


def whole(hook: str, name: str, value: object) -> int:
    """``value`` as an int.

    Raises:
        TypeError: it is none; names the hook and the parameter.
    """
    if type(value) is int:
        return value
    index = getattr(type(value), "__index__", None)
    if index is None or isinstance(value, bool):
        raise TypeError(f"{hook} was called with {name}={value!r}, expected an int")
    return int(index(value))


def whole_or_none(hook: str, name: str, value: object) -> int | None:
    """``value`` as an int, or None for NULL.

    Raises:
        TypeError: it is neither.
    """
    return None if value is None else whole(hook, name, value)


def flag_bits(hook: str, value: object) -> PageTableFlags:
    """``value`` as `PageTableFlags`; plain bits will do.

    Raises:
        TypeError: it is no number.
    """
    if type(value) is PageTableFlags:
        return value
    return PageTableFlags(whole(hook, "flags", value))


def instance(hook: str, name: str, value: object, kind: type[T]) -> T:
    """``value`` if it is a ``kind``.

    Raises:
        TypeError: it is something else.
    """
    if not isinstance(value, kind):
        raise TypeError(f"{hook} was called with {name}={value!r}, expected {kind.__name__}")
    return value
