"""Values as a reader of a kernel log expects them: counts in decimal, addresses in hexadecimal."""

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Final

COUNTS: Final = range(-1023, 1024)
"""What may be an index into a table, a size of a few words, a number of pages."""


def in_hex(value: object) -> str:
    """``value`` like ``repr``, but large integers in hexadecimal, in containers and records too."""
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value)) if value in COUNTS else hex(value)
    names = getattr(value, "_fields", None)
    if isinstance(value, tuple) and names:
        pairs = zip(names, value, strict=True)
        return f"{type(value).__name__}({', '.join(f'{n}={in_hex(v)}' for n, v in pairs)})"
    if is_dataclass(value) and not isinstance(value, type):
        parts = (f"{f.name}={in_hex(getattr(value, f.name))}" for f in fields(value))
        return f"{type(value).__name__}({', '.join(parts)})"
    return container_in_hex(value)


def container_in_hex(value: object) -> str:
    """Plain tuples, lists and dicts; everything else as its ``repr``."""
    if type(value) is tuple:
        inside = ", ".join(in_hex(v) for v in value)
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if type(value) is list:
        return f"[{', '.join(in_hex(v) for v in value)}]"
    if type(value) is dict:
        return "{" + ", ".join(f"{in_hex(k)}: {in_hex(v)}" for k, v in value.items()) + "}"
    return repr(value)
