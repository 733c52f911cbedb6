"""Hook arguments and results as plain data for the trace: numbers, text, lists and mappings."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum, IntFlag
from functools import lru_cache
from typing import Final

LIST_LIMIT: Final = 256
"""Longer lists are told by their length."""


def plain(value: object) -> object:  # noqa: PLR0911 - one return for each kind of value
    """``value`` as a trace event may hold it."""
    kind = type(value)
    if value is None or kind is int or kind is str or kind is bool or kind is float:
        return value
    if isinstance(value, IntFlag):
        return int(value)
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, int):
        return int(value)
    if is_dataclass(kind):
        return {name: plain(getattr(value, name)) for name in _field_names(kind)}
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        if len(value) > LIST_LIMIT:
            return {"length": len(value)}
        return [plain(item) for item in value]
    if isinstance(value, (str, bytes)):
        return value
    return kind.__name__


@lru_cache(maxsize=64)
def _field_names(kind: type) -> tuple[str, ...]:
    return tuple(item.name for item in fields(kind))
