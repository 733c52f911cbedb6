"""A value in a YAML file that knows its file, line and name, for messages that name all three."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from kernel_sim.errors import InputError
from kernel_sim.nearest import did_you_mean

_TEXT: Final = "tag:yaml.org,2002:str"
_INTEGER: Final = "tag:yaml.org,2002:int"
_BOOLEAN: Final = "tag:yaml.org,2002:bool"


@dataclass(frozen=True, slots=True)
class YamlField:
    """A node of a YAML file; ``name`` is the way to it, such as ``labs.lab1.checks[2].points``."""

    file: Path
    node: yaml.Node
    name: str = ""

    @property
    def line(self) -> int:
        """The line where the value begins, counted from 1."""
        return int(self.node.start_mark.line) + 1

    def error(self, problem: str, expected: str = "") -> InputError:
        """What is wrong with this value, with file, line and name."""
        return _error(self.file, self.line, self.name, problem, expected)

    def record(self, keys: Collection[str]) -> dict[str, "YamlField"]:
        """The values of a mapping that must have all of ``keys`` and no others.

        Raises:
            InputError: it is no mapping, or a key is missing, unknown or given twice.
        """
        fields = self.mapping("a mapping with " + ", ".join(keys))
        for key, field in fields.items():
            if key not in keys:
                hint = did_you_mean(key, keys)
                raise field.error(f"there is no such field{hint}", f"only {', '.join(keys)}")
        for key in keys:
            if key not in fields:
                raise self._child(self.node, key).error("the field is missing")
        return fields

    def mapping(self, expected: str) -> dict[str, "YamlField"]:
        """The values of a mapping by key; ``expected`` says in words what should be here."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error("this is not a mapping", expected)
        fields: dict[str, YamlField] = {}
        for key, value in self.node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._child(key, "?").error("a key must be a plain word", expected)
            if key.value in fields:
                first = fields[key.value].line
                raise self._child(key, key.value).error(f"given twice, first on line {first}")
            fields[key.value] = self._child(value, key.value)
        return fields

    def _child(self, node: yaml.Node, key: str) -> "YamlField":
        return YamlField(self.file, node, f"{self.name}.{key}" if self.name else key)

    def items(self, least: int = 1) -> list["YamlField"]:
        """The values of a sequence of at least ``least``."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.error("this is not a list", "a list")
        if len(self.node.value) < least:
            raise self.error(f"the list has {len(self.node.value)} items", f"at least {least}")
        return [
            YamlField(self.file, node, f"{self.name}[{number}]")
            for number, node in enumerate(self.node.value)
        ]

    def text(self) -> str:
        """A text that is not empty."""
        value = self._scalar(_TEXT, "a text")
        if not value.strip():
            raise self.error("the text is empty")
        return value

    def integer(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included, in decimal digits."""
        expected = f"a whole number from {low} to {high}"
        value = self._scalar(_INTEGER, expected)
        number = int(value) if value.isdecimal() else None
        if number is None or not low <= number <= high:
            raise self.error(f"{value} is out of range", expected)
        return number

    def truth(self) -> bool:
        """True or false."""
        return self._scalar(_BOOLEAN, "true or false").lower() in {"true", "yes", "on"}

    def choice(self, what: str, names: Sequence[str]) -> str:
        """One of ``names``; ``what`` says in a word of what kind they are."""
        value = self.text()
        if value not in names:
            hint = did_you_mean(value, names)
            raise self.error(f"there is no {what} {value!r}{hint}", f"one of {', '.join(names)}")
        return value

    def _scalar(self, tag: str, expected: str) -> str:
        if not isinstance(self.node, yaml.ScalarNode) or self.node.tag != tag:
            raise self.error(f"this is {self._shown()}", expected)
        return str(self.node.value)

    def _shown(self) -> str:
        if isinstance(self.node, yaml.ScalarNode):
            return repr(self.node.value) if self.node.value else "empty"
        return "a mapping" if isinstance(self.node, yaml.MappingNode) else "a list"


def load_yaml(file: Path) -> YamlField:
    """The one document of ``file``.

    Raises:
        InputError: the file can't be read, is empty, or is not YAML.
    """
    try:
        node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise InputError(error.strerror or "it can't be read", where=str(file)) from None
    except UnicodeDecodeError:
        raise InputError("this is not UTF-8 text", where=str(file)) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problem = error.problem or error.context or ""
        raise _error(file, line, "", f"this is not YAML: {problem}") from None
    except yaml.YAMLError as error:
        raise InputError(f"this is not YAML: {error}", where=str(file)) from None
    if node is None:
        raise InputError("the file is empty", where=str(file))
    return YamlField(file, node)


def _error(file: Path, line: int, name: str, problem: str, expected: str = "") -> InputError:
    where = f"{file}:{line}: {name}" if name else f"{file}:{line}"
    return InputError(problem, where=where, expected=expected)
