"""What a hook may return, turned into the contract's own types; anything else is a `WrongResult`.

Tuples and objects with the right attributes are as good as the dataclasses of `kernel_sim.values`.
A number with a decimal point is never an address.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from typing import Any, Final, TypeVar

from kernel_sim.errors import KernelError
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import (
    AddrRange,
    Cell,
    FaultAction,
    FrameStats,
    GuardedRegion,
    HeapStats,
    MemoryRegion,
    RegionKind,
    SelfTestResult,
    Translation,
)

T = TypeVar("T")
Read = Callable[[Any], Any]
SHOWN_CHARACTERS: Final = 80


class WrongResult(Exception):  # noqa: N818 - becomes an oops of kind 'wrong_type'
    """A hook returned something of the wrong type; the message says what, and what was expected."""


def refuse(value: object, expected: str) -> WrongResult:
    """The error for ``value`` where ``expected`` was wanted."""
    if value is None:
        return WrongResult(f"returned None, expected {expected}; is a return statement missing?")
    text = repr(value)
    shown = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
    return WrongResult(f"returned {shown} ({type(value).__name__}), expected {expected}")


# --- single values --------------------------------------------------------------------------------


def nothing(_value: object) -> None:
    """Whatever a hook without a result returns is dropped."""


def address(value: object) -> int:
    """An address: an int of any type that is not negative."""
    if type(value) is int and value >= 0:
        return value
    return _whole(value, "an address (int)")


def count(value: object) -> int:
    """How many of something: an int of any type that is not negative."""
    if type(value) is int and value >= 0:
        return value
    return _whole(value, "a number (int)")


def optional_address(value: object) -> int | None:
    """An address, or None for NULL."""
    if value is None or (type(value) is int and value >= 0):
        return value
    return _whole(value, "an address (int) or None")


def _whole(value: object, expected: str) -> int:
    index = getattr(type(value), "__index__", None)
    if index is None or isinstance(value, bool):
        raise refuse(value, expected)
    number = int(index(value))
    if number < 0:
        raise refuse(value, f"{expected}, not a negative one")
    return number


def text(value: object) -> str:
    """A string."""
    if not isinstance(value, str):
        raise refuse(value, "a str")
    return str(value)


def truth(value: object) -> bool:
    """True or False, or a 0 or 1."""
    if isinstance(value, int) and int(value) in (0, 1):
        return bool(value)
    raise refuse(value, "True or False")


def bit(value: object) -> int:
    """0 or 1."""
    number = int(value) if isinstance(value, bool) else _whole(value, "0 or 1")
    if number > 1:
        raise refuse(value, "0 or 1")
    return number


def region_kind(value: object) -> RegionKind:
    """A member of `RegionKind`, its name or its number."""
    if isinstance(value, RegionKind):
        return value
    if isinstance(value, str) and value in RegionKind.__members__:
        return RegionKind[value]
    number = _whole(value, "a RegionKind")
    if number not in set(RegionKind):
        raise refuse(value, "a RegionKind")
    return RegionKind(number)


def page_table_flags(value: object) -> PageTableFlags:
    """Flag bits at their real positions."""
    return PageTableFlags(_whole(value, "PageTableFlags"))


def bit_order(value: object) -> str:
    """``'lsb'`` or ``'msb'``."""
    order = str(value) if isinstance(value, str) else ""
    if order not in {"lsb", "msb"}:
        raise refuse(value, "'lsb' or 'msb'")
    return order


def fault_action(value: object) -> FaultAction | None:
    """A `FaultAction`, or None to pass the fault on."""
    if value is None or isinstance(value, FaultAction):
        return value
    raise refuse(value, "FaultAction.RETRY, KILL or PANIC, or None")


# --- records and lists ----------------------------------------------------------------------------


def record(kind: type[T], /, **readers: Read) -> Callable[[object], T]:
    """A reader of ``kind``: an instance, a tuple, a mapping, or an object with attributes."""
    names = tuple(readers)
    optional = {
        item.name: item.default
        for item in fields(kind)  # type: ignore[arg-type] # every kind is a dataclass
        if item.default is not MISSING
    }
    expected = f"a {kind.__name__}({', '.join(names)})"

    def read(value: object) -> T:
        parts = dict(optional)
        parts.update(_parts(value, names, expected))
        if len(parts) != len(names):
            raise refuse(value, expected)
        checked = {}
        for name in names:
            try:
                checked[name] = readers[name](parts[name])
            except WrongResult as wrong:
                problem = str(wrong).removeprefix("returned ")
                raise WrongResult(f"returned {kind.__name__} with {name} = {problem}") from None
        try:
            return kind(**checked)
        except KernelError as error:
            raise WrongResult(f"returned no valid {kind.__name__}: {error}") from None

    return read


def _parts(value: object, names: tuple[str, ...], expected: str) -> dict[str, object]:
    if isinstance(value, Mapping):
        return {name: value[name] for name in names if name in value}
    if isinstance(value, (tuple, list)) and not hasattr(value, names[0]):
        if len(value) > len(names):
            raise refuse(value, expected)
        return dict(zip(names, value, strict=False))
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


def list_of(read: Callable[[object], T], expected: str) -> Callable[[object], list[T]]:
    """A reader of any iterable of what ``read`` takes, texts and mappings aside."""

    def read_all(value: object) -> list[T]:
        if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
            raise refuse(value, expected)
        found = []
        for index, item in enumerate(value):
            try:
                found.append(read(item))
            except WrongResult as wrong:
                problem = str(wrong).removeprefix("returned ")
                raise WrongResult(f"returned a list whose item {index} is {problem}") from None
        return found

    return read_all


def tag(value: object) -> tuple[AddrRange, str]:
    """A physical range and its tag."""
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return _range(value[0]), text(value[1])
    raise refuse(value, "a pair (AddrRange, str)")


_range = record(AddrRange, start=address, end=address)
_region = record(MemoryRegion, base=address, length=count, kind=region_kind, type=address)
_cell = record(Cell, character=text, color=address, label=text)

RESULTS: Final[dict[str, Read]] = {
    "parse_memory_map": list_of(_region, "a list of MemoryRegion"),
    "describe_region": text,
    "pmm_init": nothing,
    "pmm_alloc_frame": optional_address,
    "pmm_free_frame": nothing,
    "pmm_stats": record(
        FrameStats,
        total=count,
        used=count,
        free=count,
        bitmap_base=address,
        bitmap_bytes=count,
        bit_order=bit_order,
        used_bit=bit,
        first_frame=address,
    ),
    "pmm_alloc_contiguous": optional_address,
    "init_paging": address,
    "enable_paging": nothing,
    "map_page": nothing,
    "unmap_page": address,
    "translate": record(Translation, physical=address, flags=page_table_flags, size=count),
    "phys_to_virt": address,
    "protect_page": nothing,
    "map_range": nothing,
    "heap_init": nothing,
    "kmalloc": optional_address,
    "kfree": nothing,
    "heap_stats": record(HeapStats, used=count, free=count, blocks=count),
    "install_guard": record(
        GuardedRegion,
        guard_low=optional_address,
        base=address,
        end=address,
        guard_high=optional_address,
        tag=text,
    ),
    "remove_guard": nothing,
    "boot_sequence": list_of(text, "a list of step names"),
    "boot_step": nothing,
    "page_fault": fault_action,
    "render_memory": list_of(_cell, "a list of Cell"),
    "frame_refcount": count,
    "region_tags": list_of(tag, "a list of pairs (AddrRange, str)"),
    "selftest": record(SelfTestResult, name=text, passed=truth, detail=text),
    "on_event": nothing,
}
"""Hook → the reader of its result."""


def or_none(read: Read) -> Read:
    """``read``, with None passed on: the answer of a chain hook that leaves it to the next."""

    def read_or_none(value: object) -> object:
        return None if value is None else read(value)

    return read_or_none
