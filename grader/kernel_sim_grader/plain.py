"""Values of the hook contract as plain data and back: what a message may carry.

Outwards a value becomes None, bool, int, float, str, bytes, lists and dictionaries; integers beyond
64 bits and references to earlier results become extension types of their own. Inwards nothing is
believed: `restore` builds exactly the type that the hook's annotation names, or refuses.
"""

import enum
import struct
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Final

import msgspec

from kernel_sim import hookspecs
from kernel_sim.checks.accesses import ACCESSES
from kernel_sim.checks.bench import Ref
from kernel_sim.errors import KernelError

BIG_INTEGER: Final = 1
REFERENCE: Final = 2
MAX_INTEGER_BYTES: Final = 1024
_REFERENCE: Final = struct.Struct(">Iq")
"""Index and offset; the name of a field follows."""
_REFERENCE_BYTES: Final = range(_REFERENCE.size, _REFERENCE.size + 32)
SIGNED_64: Final = range(-(1 << 63), 1 << 64)


class MismatchError(Exception):
    """Data that does not have the type that was asked for."""


def flatten(value: object) -> Any:  # noqa: ANN401, PLR0911 - one return for each kind of data
    """``value`` as plain data.

    Raises:
        MismatchError: it is none of the values that the hook contract knows.
    """
    if value is None or isinstance(value, (bool, float, bytes)):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, enum.Enum) and not isinstance(value, int):
        return flatten(value.value)
    if isinstance(value, int):
        return _flat_integer(int(value))
    if isinstance(value, Ref):
        place = _REFERENCE.pack(value.index, value.offset)
        return msgspec.msgpack.Ext(REFERENCE, place + value.part.encode())
    if isinstance(value, Mapping):
        return {str(key): flatten(item) for key, item in value.items()}
    if isinstance(value, (Sequence, set, frozenset)):
        return [flatten(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: flatten(getattr(value, item.name)) for item in fields(value)}
    raise MismatchError(f"a value of type {type(value).__name__}")


def _flat_integer(value: int) -> Any:  # noqa: ANN401 - an integer or its extension type
    if value in SIGNED_64:
        return value
    size = value.bit_length() // 8 + 1
    if size > MAX_INTEGER_BYTES:
        raise MismatchError(f"an integer of {size} bytes")
    return msgspec.msgpack.Ext(BIG_INTEGER, value.to_bytes(size, "big", signed=True))


def extension(code: int, data: memoryview) -> Any:  # noqa: ANN401 - msgspec's signature
    """The value of one of the two extension types.

    Raises:
        MismatchError: another type, or too long.
    """
    if code == BIG_INTEGER and len(data) <= MAX_INTEGER_BYTES:
        return int.from_bytes(data, "big", signed=True)
    if code == REFERENCE and len(data) in _REFERENCE_BYTES:
        part = bytes(data[_REFERENCE.size :]).decode("ascii", "replace")
        index, offset = _REFERENCE.unpack(data[: _REFERENCE.size])
        return Ref(index, offset, part)
    raise MismatchError(f"extension type {code} of {len(data)} bytes")


def restore(data: Any, hint: Any) -> Any:  # noqa: ANN401, PLR0911 - typed by its argument
    """``data`` as a value of the type ``hint``.

    Raises:
        MismatchError: it is none.
    """
    if hint is object or hint is Any:
        return data
    if isinstance(data, Ref):
        return data
    origin = typing.get_origin(hint)
    if origin in {types.UnionType, typing.Union}:
        return _restore_union(data, typing.get_args(hint))
    if origin in {list, tuple, Sequence, Mapping, dict}:
        return _restore_container(data, origin, typing.get_args(hint))
    if hint is None or hint is type(None):
        if data is None:
            return None
    elif issubclass(hint, enum.Enum):
        return _restore_member(data, hint)
    elif is_dataclass(hint):
        return _restore_record(data, hint)
    elif type(data) is hint:
        return data
    raise MismatchError(f"{type(data).__name__} where {getattr(hint, '__name__', hint)} belongs")


def _restore_union(data: Any, hints: tuple[Any, ...]) -> Any:  # noqa: ANN401
    for hint in hints:
        try:
            return restore(data, hint)
        except MismatchError:
            continue
    raise MismatchError(f"{type(data).__name__} is none of the allowed types")


def _restore_container(data: Any, origin: Any, hints: tuple[Any, ...]) -> Any:  # noqa: ANN401
    if origin in {Mapping, dict}:
        if not isinstance(data, dict):
            raise MismatchError(f"{type(data).__name__} where a mapping belongs")
        return {restore(key, hints[0]): restore(item, hints[1]) for key, item in data.items()}
    if not isinstance(data, list):
        raise MismatchError(f"{type(data).__name__} where a list belongs")
    if origin is tuple and hints[-1] is not Ellipsis:
        if len(data) != len(hints):
            raise MismatchError(f"{len(data)} items where {len(hints)} belong")
        return tuple(restore(item, hint) for item, hint in zip(data, hints, strict=True))
    items = [restore(item, hints[0]) for item in data]
    return tuple(items) if origin is tuple else items


def _restore_member(data: Any, hint: type[enum.Enum]) -> enum.Enum:  # noqa: ANN401
    try:
        if type(data) in {int, str}:
            return hint(data)
    except ValueError:
        pass
    raise MismatchError(f"{data!r} is no {hint.__name__}")


def _restore_record(data: Any, hint: Any) -> Any:  # noqa: ANN401
    hints = _field_hints(hint)
    if not isinstance(data, dict) or data.keys() != hints.keys():
        raise MismatchError(f"{type(data).__name__} where {hint.__name__} belongs")
    try:
        return hint(**{name: restore(data[name], wanted) for name, wanted in hints.items()})
    except KernelError as error:
        raise MismatchError(f"no {hint.__name__}: {error}") from None


@cache
def _field_hints(record: Any) -> dict[str, Any]:  # noqa: ANN401 - a dataclass
    hints = typing.get_type_hints(record)
    return {item.name: hints[item.name] for item in fields(record)}


@cache
def hook_types(hook: str) -> tuple[tuple[Any, ...], Any]:
    """The types of the parameters of ``hook`` after ``kernel``, or of an access, and of its result.

    Raises:
        MismatchError: there is no such hook.
    """
    if hook in ACCESSES:
        access = ACCESSES[hook]
        return tuple(access.parameters.values()), access.result
    function = getattr(hookspecs, hook, None)
    if not hasattr(function, "kernel_sim_spec"):
        raise MismatchError(f"there is no hook {hook!r}")
    hints = typing.get_type_hints(function, localns={"Kernel": object})
    result = hints.pop("return")
    hints.pop("kernel")
    return tuple(hints.values()), result
