"""Two address spaces beside each other: what is expected, and what the tables say.

Lines that differ are marked: ``-`` missing, ``+`` too much, ``!`` different.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from kernel_sim.checks.paging_words import flags_text
from kernel_sim.inspection import MappedRange
from kernel_sim.inspection.diff import diff
from kernel_sim.views.region_map_svg import DARK, FONT, GAP, GREY, HARM, ROW_HEIGHT, lines_block

SHOWN: Final = 14
"""Rows of a picture; of a longer list the rows round the differences."""
NEWS: Final = "#00528A"
"""The colour of a difference that is nobody's mistake."""


@dataclass(frozen=True, slots=True)
class Row:
    """Addresses ``[start, end)`` that both sides map alike, or not at all."""

    start: int
    end: int
    expected: MappedRange | None
    found: MappedRange | None

    @property
    def mark(self) -> str:
        """How the sides differ, a blank if they do not."""
        if self.expected == self.found:
            return " "
        if self.found is None:
            return "-"
        return "+" if self.expected is None else "!"


@dataclass(frozen=True)
class AddressSpaceScene:
    """Expected and found, or before and after, to be drawn; ``color`` is that of a difference."""

    expected: Sequence[MappedRange]
    found: Sequence[MappedRange]
    titles: tuple[str, str] = ("expected", "found")
    color: str = HARM

    def rows(self) -> list[Row]:
        """All ranges, cut where the sides begin to differ."""
        changes = diff(list(self.expected), list(self.found))
        rows = [Row(item.start, item.end, item.before, item.after) for item in changes]
        wrong = [(row.start, row.end) for row in rows]
        for item in self.expected:
            at = item.start
            for start, end in sorted(wrong):
                if end <= at or start >= item.end:
                    continue
                if at < start:
                    rows.append(_alike(item, at, start))
                at = end
            if at < item.end:
                rows.append(_alike(item, at, item.end))
        return sorted(rows, key=lambda row: row.start)

    def lines(self) -> list[tuple[str, str]]:
        """Each line with its mark."""
        rows = self.rows()
        if not rows:
            return [(" ", "nothing is mapped")]
        head = f"{'from':<10}  {'to':<10}  {self.titles[0]:<16}  {self.titles[1]}"
        body = [(row.mark, _line(row)) for row in _shown(rows)]
        more = len(rows) - len(body)
        return [(" ", head), *body, *([(" ", f"and {more} more")] if more > 0 else [])]

    def text(self) -> str:
        """The picture in text."""
        return "\n".join(f"{mark} {line}" for mark, line in self.lines())

    def svg(self, title: str) -> str:
        """The same as an SVG document; a difference stands out by a mark, a bar and its colour."""
        body, top, width = [], 0, 0.0
        heading = lines_block([title], DARK) if title else None
        for block in filter(None, [heading]):
            body.append(block.body)
            top, width = block.height, block.width
        for mark, line in self.lines():
            color = DARK if mark == " " else self.color
            block = lines_block([f"{mark} {line}"], color if body or mark != " " else GREY)
            bar = f'<rect x="4" y="{top + 3}" width="5" height="14" fill="{self.color}"/>'
            body.append(f'{bar if mark != " " else ""}<g transform="translate(0 {top})">')
            body.append(f"{block.body}</g>")
            top, width = top + ROW_HEIGHT, max(width, block.width)
        size = f'width="{width + GAP:g}" height="{top + GAP}"'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size} '
            f'viewBox="0 0 {width + GAP:g} {top + GAP}" font-family="{FONT}" font-size="12">'
            f"<title>{escape(title or 'Address space')}</title>"
            f"<desc>{escape(self.text())}</desc>"
            f'<rect width="{width + GAP:g}" height="{top + GAP}" fill="#FFFFFF"/>'
            f"{''.join(body)}</svg>"
        )


def _alike(item: MappedRange, start: int, end: int) -> Row:
    part = MappedRange(start, end, item.physical + start - item.start, item.flags, item.size)
    return Row(start, end, part, part)


def _line(row: Row) -> str:
    sides = f"{_word(row.expected):<16}  {_word(row.found)}"
    return f"{row.start:#010x}  {row.end:#010x}  {sides}"


def _word(item: MappedRange | None) -> str:
    return "." if item is None else f"{item.physical:#010x} {flags_text(int(item.flags))}"


def _shown(rows: Sequence[Row]) -> list[Row]:
    """The first wrong rows with those around them."""
    if len(rows) <= SHOWN:
        return list(rows)
    first = next((i for i, row in enumerate(rows) if row.mark != " "), 0)
    start = max(0, min(first - 3, len(rows) - SHOWN))
    return list(rows[start : start + SHOWN])
