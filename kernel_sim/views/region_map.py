"""A map of physical memory with one column for each description of it, to compare them.

::

       start               size     firmware  your table
       0x0000000000000000  639 KiB  A         A
    !  0x000000000009fc00  1 KiB    R         A
       0x00000000000a0000  320 KiB  .         .

Every address at which some column changes starts a row, so the picture is not to scale. Entries
that overlap stand side by side in one column. A row is marked where a later column calls memory
available of which the first says otherwise, or nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

from kernel_sim.addr import U64_LIMIT
from kernel_sim.values import RegionKind
from kernel_sim.views.byte_size import byte_size
from kernel_sim.views.palette import HOLE, IGNORED, LOOKS, Look, look_of_type

ABOVE_EVERYTHING: Final = U64_LIMIT


class Entry(Protocol):
    """A firmware entry: base, length, the firmware's type number and the ACPI 3 attributes."""

    @property
    def base(self) -> int:
        """Address of the first byte."""

    @property
    def length(self) -> int:
        """Bytes."""

    @property
    def type(self) -> int:
        """The firmware's number."""

    @property
    def attributes(self) -> int:
        """The ACPI 3 word; bit 0 clear: ignore the entry."""


class Region(Protocol):
    """A row of a memory descriptor table."""

    @property
    def base(self) -> int:
        """Address of the first byte."""

    @property
    def length(self) -> int:
        """Bytes."""

    @property
    def kind(self) -> RegionKind:
        """What the memory is."""


@dataclass(frozen=True, slots=True)
class Band:
    """Bytes ``[start, end)`` that look alike."""

    start: int
    end: int
    look: Look


@dataclass(frozen=True, slots=True)
class Column:
    """One description of memory: a name and its bands, which may overlap."""

    name: str
    bands: tuple[Band, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """Bytes ``[start, end)`` in which no column changes; ``looks``: what covers them, by column."""

    start: int
    end: int
    looks: tuple[tuple[Look, ...], ...]

    @property
    def size(self) -> str:
        """Bytes in the row, in words."""
        return byte_size(self.end - self.start)

    @property
    def harmful(self) -> bool:
        """Whether a later column has it available although the first one does not."""
        free = {LOOKS[RegionKind.AVAILABLE]}
        truth = set(self.looks[0]) - {IGNORED}
        return truth != free and any(free <= set(looks) for looks in self.looks[1:])


def band(base: int, length: int, look: Look) -> Band:
    """The band of ``length`` bytes from ``base``, cut where 64 bits end."""
    return Band(base, min(base + length, ABOVE_EVERYTHING), look)


def firmware_column(entries: Iterable[Entry], name: str = "firmware") -> Column:
    """The firmware's entries as a column; an entry of length 0 covers nothing."""
    bands = (band(e.base, e.length, look_of_type(e.type, e.attributes)) for e in entries)
    return Column(name, tuple(b for b in bands if b.end > b.start))


def table_column(regions: Iterable[Region], name: str = "your table") -> Column:
    """A memory descriptor table as a column."""
    bands = (band(r.base, r.length, LOOKS[r.kind]) for r in regions)
    return Column(name, tuple(b for b in bands if b.end > b.start))


def rows_of(columns: Sequence[Column]) -> list[Row]:
    """The rows from the lowest to the highest described address."""
    ends = sorted({edge for c in columns for b in c.bands for edge in (b.start, b.end)})
    return [
        Row(start, end, tuple(covering(c, start) for c in columns)) for start, end in pairwise(ends)
    ]


def covering(column: Column, address: int) -> tuple[Look, ...]:
    """What the column says of ``address``, in its own order; a hole when it says nothing."""
    return tuple(b.look for b in column.bands if b.start <= address < b.end) or (HOLE,)


def legend(rows: Iterable[Row]) -> list[Look]:
    """The looks that occur, each once, in order of first appearance."""
    return list(dict.fromkeys(look for row in rows for looks in row.looks for look in looks))


def map_text(columns: Sequence[Column]) -> str:
    """The map as lines of text: mark, start, size, and the letters of each column."""
    rows = rows_of(columns)
    if not rows:
        return "(nothing is described)"
    cells = [["", "start", "size", *(c.name for c in columns)], *map(cells_of, rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    lines = [
        "  ".join(f"{c:<{w}}" for c, w in zip(line, widths, strict=True)).rstrip() for line in cells
    ]
    key = ", ".join(f"{look.letter} {look.word}" for look in legend(rows))
    return "\n".join([*lines, f"({key})", *warnings_of(rows)])


def cells_of(row: Row) -> list[str]:
    """One row as words."""
    letters = ("".join(look.letter for look in looks) for looks in row.looks)
    return ["!" if row.harmful else "", f"{row.start:#018x}", row.size, *letters]


def warnings_of(rows: Iterable[Row]) -> list[str]:
    """One sentence on the marked rows, when there are any."""
    marked = [row for row in rows if row.harmful]
    if not marked:
        return []
    size = byte_size(sum(row.end - row.start for row in marked))
    rows_word = "one row" if len(marked) == 1 else f"{len(marked)} rows"
    return [
        f"! {size} in {rows_word} would be used as free memory that the firmware never offered."
    ]
