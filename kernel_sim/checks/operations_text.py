"""A sequence of hook calls as one line that people can read, and the line as a sequence again.

::

    lab2: boot('pc4'); pmm_alloc_frame() * 3; pmm_free_frame(r1[2] + 0x10); pmm_stats()
          │            │                      │              └ of step 1 the third result, plus 16
          │            └ step 1, three times  └ step 2
          └ where; ``until``, ``seed``, ``profile`` and settings are further words

``cpu.load(0xb8000, 2)`` and the like are accesses of the processor's own.

``r1`` is the first result of step 1, ``r1.base`` a field of it, ``r1[-1]`` the last result,
``r1[:]`` turn for turn the one of the same turn; ``ramp(0x1000, 0x10)`` grows by the second number
from turn to turn. The line has the form of Python expressions and is read by Python's parser, never
evaluated.
"""

import ast
import enum
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Final, get_type_hints

from kernel_sim import values
from kernel_sim.checks.accesses import ACCESSES
from kernel_sim.checks.operations import Call, Case, Of, Place, Ramp
from kernel_sim.errors import InputError, KernelError
from kernel_sim.hookspecs import FIRST_ANSWER_HOOKS, ROLE_HOOKS
from kernel_sim.host.implementations import HOOK_PARAMETERS
from kernel_sim.nearest import unknown_name

_NAMES: Final = {
    name: item
    for name, item in vars(values).items()
    if isinstance(item, type) and (is_dataclass(item) or issubclass(item, enum.Enum))
}
_FIELDS: Final = {
    item.name for kind in _NAMES.values() if is_dataclass(kind) for item in fields(kind)
}
_HOOKS: Final = {hook for hooks in ROLE_HOOKS.values() for hook in hooks} | FIRST_ANSWER_HOOKS
_PLACE_TYPES: Final[dict[str, type]] = {
    "machine": str,
    "until": str,
    "seed": int,
    "profile": str,
    "stores": bool,
    "pse": bool,
}
SIZED_HOOKS: Final = frozenset({"kmalloc"})
"""Their numbers are sizes, which are read in decimal."""
_PLACE_WORDS: Final = tuple(_PLACE_TYPES)[1:]
_MOST_TURNS: Final = 1 << 20


def line_of(lab: str, cases: Iterable[Case]) -> str:
    """The line of cases that run one after another in one process."""
    parts: list[str] = []
    for case in cases:
        parts += [place_text(case.place), *map(call_text, case.calls)]
    return f"{lab}: {'; '.join(parts)}"


def place_text(place: Place) -> str:
    """A place as a call of ``boot``."""
    default = Place()
    words = [repr(place.machine)]
    words += [
        f"{name}={getattr(place, name)!r}"
        for name in _PLACE_WORDS
        if getattr(place, name) != getattr(default, name)
    ]
    words += [f"{name}={value_text(value)}" for name, value in place.config]
    return f"boot({', '.join(words)})"


def call_text(call: Call) -> str:
    """One step."""
    show = _size_text if call.hook in SIZED_HOOKS else value_text
    text = f"{call.hook}({', '.join(map(show, call.args))})"
    return text if call.times == 1 else f"{text} * {call.times}"


def _size_text(value: object) -> str:
    return str(int(value)) if type(value) is int else value_text(value)


def value_text(value: object) -> str:  # noqa: PLR0911 - one return for each kind of value
    """An argument: numbers in hexadecimal, records and symbols by name."""
    if isinstance(value, Of):
        turn = {0: "", None: "[:]"}.get(value.turn, f"[{value.turn}]")
        name = f"r{value.step + 1}{turn}" + f".{value.part}" * bool(value.part)
        sign = "-" if value.offset < 0 else "+"
        return name + f" {sign} {abs(value.offset):#x}" * bool(value.offset)
    if isinstance(value, Ramp):
        return f"ramp({value.start:#x}, {value.step:#x})"
    if isinstance(value, enum.Enum) and type(value).__name__ in _NAMES and not _is_flag(value):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, int) and not isinstance(value, bool):
        return hex(value) if abs(value) > 9 else str(int(value))
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(value_text, value))}]"
    if is_dataclass(value) and not isinstance(value, type):
        words = (value_text(getattr(value, item.name)) for item in fields(value))
        return f"{type(value).__name__}({', '.join(words)})"
    return repr(value)


def _is_flag(value: enum.Enum) -> bool:
    return isinstance(value, enum.Flag)


def parse_cases(text: str) -> tuple[str, list[Case]]:
    """The lab and the cases of a line.

    Raises:
        InputError: names the step that can't be read.
    """
    lab, _, rest = text.partition(":")
    try:
        tree = ast.parse(rest.strip(), mode="exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"not a line of steps: {error}", where="replay") from None
    cases: list[Case] = []
    for statement in tree.body:
        node = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(node, ast.Call) and _name(node.func) == "boot":
            cases.append(Case(_place(node)))
        elif cases:
            call = _call(node, len(cases[-1].calls))
            cases[-1] = Case(cases[-1].place, (*cases[-1].calls, call))
        else:
            raise _error(statement, "boot('MACHINE') as the first step")
    if not cases:
        raise InputError("no steps", where="replay", expected="lab2: boot('pc4'); ...")
    return lab.strip(), cases


def parse_place(text: str) -> Place:
    """The place that `place_text` gave.

    Raises:
        InputError: it is none.
    """
    _, cases = parse_cases(f"lab: {text}")
    return cases[0].place


def parse_call(text: str, number: int) -> Call:
    """The step that `call_text` gave; ``number`` steps stand before it.

    Raises:
        InputError: it is none.
    """
    try:
        return _call(ast.parse(text, mode="eval").body, number)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"not a step: {error}", where="replay") from None


def _place(node: ast.Call) -> Place:
    if len(node.args) != 1:
        raise _error(node, "boot('MACHINE')")
    words: dict[str, Any] = {"machine": _value(node.args[0], 0)}
    config: list[tuple[str, object]] = []
    for keyword in node.keywords:
        value = _value(keyword.value, 0)
        if keyword.arg in _PLACE_WORDS:
            words[keyword.arg] = value
        elif keyword.arg:
            config.append((keyword.arg, value))
    for name, value in words.items():
        if type(value) is not _PLACE_TYPES[name]:
            raise _error(node, f"{name} of type {_PLACE_TYPES[name].__name__}")
    place = Place(**words, config=tuple(config))
    place.spec()
    return place


def _call(node: ast.expr | None, number: int) -> Call:
    times = 1
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        count = _value(node.right, number)
        if type(count) is not int or not 0 < count <= _MOST_TURNS:
            raise _error(node.right, f"a number of turns from 1 to {_MOST_TURNS}")
        node, times = node.left, count
    if not isinstance(node, ast.Call) or node.keywords:
        raise _error(node, "a hook with its arguments in order")
    hook = _name(node.func)
    if isinstance(node.func, ast.Attribute):
        hook = f"{_name(node.func.value)}.{node.func.attr}"
    if hook not in _HOOKS and hook not in ACCESSES:
        raise unknown_name("hook", hook, [*_HOOKS, *ACCESSES])
    args = tuple(_value(item, number) for item in node.args)
    wanted = len(ACCESSES[hook].parameters if hook in ACCESSES else HOOK_PARAMETERS[hook][1:])
    if len(args) != wanted:
        raise _error(node, f"{wanted} arguments of {hook}")
    return Call(hook, args, times)


def _value(node: ast.expr, number: int) -> Any:  # noqa: ANN401 - any argument
    """An argument of a step before which ``number`` steps stand."""
    symbol = _symbol(node, number)
    if symbol is not None:
        return symbol
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, str, bytes, type(None))):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _value(node.operand, number)
        if isinstance(value, int):
            return -value
    if isinstance(node, ast.List):
        return [_value(item, number) for item in node.elts]
    if isinstance(node, ast.Attribute):
        kind = _NAMES.get(_name(node.value))
        if kind is not None and issubclass(kind, enum.Enum) and node.attr in kind.__members__:
            return kind[node.attr]
    if isinstance(node, ast.Call) and not node.keywords:
        return _record(node, [_value(item, number) for item in node.args])
    raise _error(node, "a number, a text, r1 or a record")


def _symbol(node: ast.expr, number: int) -> Of | None:
    """``r1``, ``r1[2]``, ``r1[:]``, ``r1.base``, each perhaps plus or minus a number."""
    offset = 0
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        offset = _value(node.right, number)
        if type(offset) is not int:
            raise _error(node.right, "a number")
        offset, node = (-offset if isinstance(node.op, ast.Sub) else offset), node.left
    part = ""
    turn: int | None = 0
    if isinstance(node, ast.Attribute) and node.attr in _FIELDS:
        part, node = node.attr, node.value
    if isinstance(node, ast.Subscript):
        turn = None if isinstance(node.slice, ast.Slice) else _value(node.slice, number)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    step = int(node.id[1:]) - 1 if node.id[:1] == "r" and node.id[1:].isdecimal() else -1
    if not 0 <= step < number or type(turn) not in {int, type(None)}:
        raise _error(node, f"r1 to r{number}" if number else "no result: there is none yet")
    return Of(step, turn, offset, part)


def _record(node: ast.Call, args: Sequence[Any]) -> object:
    name = _name(node.func)
    try:
        if name == "ramp" and [type(item) for item in args] == [int, int]:
            return Ramp(*args)
        kind = _NAMES.get(name)
        if kind is not None and is_dataclass(kind):
            return kind(*_typed(kind, args))
    except (TypeError, KernelError) as error:
        raise InputError(f"{name}: {error}", where="replay") from None
    raise unknown_name("record", name, [*_NAMES, "ramp"])


def _typed(kind: type, args: Sequence[Any]) -> list[Any]:
    """The arguments of a record; a number becomes the flags that its field holds."""
    hints = list(get_type_hints(kind).values())
    return [
        hint(value) if isinstance(value, int) and _is_flags(hint) else value
        for value, hint in zip(args, [*hints, *[None] * len(args)], strict=False)
    ]


def _is_flags(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, enum.Flag)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _error(node: ast.AST | None, expected: str) -> InputError:
    text = ast.unparse(node) if node is not None else "nothing"
    return InputError(f"{text!r} can't be read", where="replay", expected=expected)
