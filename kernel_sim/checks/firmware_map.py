"""A firmware memory map as checks make, shrink, print and store it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

from kernel_sim.errors import InputError
from kernel_sim.machine import FirmwareEntry, MachineSpec

_ROW: Final = re.compile(
    r"(?P<base>0x[0-9a-f]+)\+(?P<length>0x[0-9a-f]+):(?P<type>0x[0-9a-f]+|\d+)"
    r"(?:!(?P<attributes>0x[0-9a-f]+))?(?:\*(?P<count>\d+)/(?P<step>0x[0-9a-f]+))?"
)
_MAX_RAM_BYTES: Final = 1 << 46


@dataclass(frozen=True, slots=True)
class Row:
    """``count`` equal entries, the k-th at ``base + k * step``; most rows are one entry."""

    base: int
    length: int
    type: int = 1
    attributes: int = 1
    count: int = 1
    step: int = 0

    def entries(self) -> list[FirmwareEntry]:
        """The firmware's entries."""
        return [
            FirmwareEntry(self.base + k * self.step, self.length, self.type, self.attributes)
            for k in range(self.count)
        ]

    def __str__(self) -> str:
        kind = str(self.type) if self.type < 100 else hex(self.type)
        text = f"{self.base:#x}+{self.length:#x}:{kind}"
        if self.attributes != 1:
            text += f"!{self.attributes:#x}"
        if self.count != 1:
            text += f"*{self.count}/{self.step:#x}"
        return text

    def as_json(self) -> dict[str, int]:
        """The fields that differ from what is usual, and always base, length and type."""
        data = {"base": self.base, "length": self.length, "type": self.type}
        if self.attributes != 1:
            data["attributes"] = self.attributes
        if self.count != 1:
            data |= {"count": self.count, "step": self.step}
        return data


@dataclass(frozen=True, slots=True)
class FirmwareMap:
    """The rows in the order in which the firmware writes them, and the bytes of an entry.

    The text form is one line that `parse` reads back::

        24 0x0+0x9fc00:1 0x100000+0x700000:1 0x200000+0x1000:2!0x0 0x1000000+0x1000:1*256/0x2000
        │  base length type                                   │                       │   └ step
        └ bytes of an entry                                   └ attributes            └ count
    """

    rows: tuple[Row, ...]
    entry_size: int = 24

    @classmethod
    def of(cls, spec: MachineSpec) -> Self:
        """The map of a machine."""
        rows = (Row(e.base, e.length, e.type, e.attributes) for e in spec.entries)
        return cls(tuple(rows), spec.entry_size)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The map in its text form.

        Raises:
            InputError: names the word that is no row.
        """
        size, *words = text.split()
        if not size.isdecimal():
            raise InputError(f"{size!r} is no entry size", where="map", expected="24 or 20 first")
        return cls(tuple(map(_parse_row, words)), int(size))

    @classmethod
    def from_json(cls, data: object, where: str = "machine") -> Self:
        """The map that `as_json` gave.

        Raises:
            InputError: a field is missing or of the wrong type.
        """
        if not isinstance(data, Mapping) or not isinstance(data.get("entries"), list):
            raise InputError("no memory map", where=where, expected="an object with 'entries'")
        rows = [_row_of(item, f"{where}.entries[{i}]") for i, item in enumerate(data["entries"])]
        size = data.get("entry_size", 24)
        if size not in (20, 24):
            raise InputError(f"entry size {size!r}", where=where, expected="20 or 24")
        return cls(tuple(rows), size)

    def entries(self) -> tuple[FirmwareEntry, ...]:
        """All entries, in the firmware's order."""
        return tuple(entry for row in self.rows for entry in row.entries())

    def spec(self, name: str = "made") -> MachineSpec:
        """The machine with this map.

        Raises:
            InputError: a number is out of range.
        """
        entries = self.entries()
        described = sum(entry.length for entry in entries if entry.type == 1)
        ram_bytes = min(described, _MAX_RAM_BYTES)
        return MachineSpec(name, ram_bytes, "raw", entries, self.entry_size)

    def boots(self) -> bool:
        """Whether a machine can be made of it and kernel-v boots there."""
        try:
            return self.spec().bootable() is None
        except InputError:
            return False

    def with_rows(self, rows: Iterable[Row]) -> Self:
        """The same kind of table with other rows."""
        return replace(self, rows=tuple(rows))

    def as_json(self) -> dict[str, object]:
        """Plain data: entries and entry size."""
        return {"entries": [row.as_json() for row in self.rows], "entry_size": self.entry_size}

    def __str__(self) -> str:
        return " ".join([str(self.entry_size), *map(str, self.rows)])


def _parse_row(word: str) -> Row:
    match = _ROW.fullmatch(word)
    if match is None:
        raise InputError(
            f"{word!r} is no entry", where="map", expected="base+length:type, as 0x1000+0x400:2"
        )
    return Row(
        int(match["base"], 16),
        int(match["length"], 16),
        int(match["type"], 0),
        int(match["attributes"] or "1", 16),
        int(match["count"] or 1),
        int(match["step"] or "0", 16),
    )


def _row_of(item: object, where: str) -> Row:
    known = ("base", "length", "type", "attributes", "count", "step")
    if not isinstance(item, Mapping) or not {"base", "length", "type"} <= item.keys() <= set(known):
        raise InputError("no entry", where=where, expected="base, length and type")
    for key, value in item.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise InputError(f"{value!r} is no number", where=f"{where}.{key}")
    if not 0 < item.get("count", 1) < 1 << 16:
        raise InputError(f"count {item['count']}", where=where, expected="1 to 65535")
    return Row(**item)
