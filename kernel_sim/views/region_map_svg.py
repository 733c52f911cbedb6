"""The region map as SVG: colour, pattern and letter for each band; the text form describes it.

::

    title                                     blocks, one below the other
    start  size  firmware  kernel's table
    0x...  4 KiB [A      ] [R           ]
    legend
    warnings
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from kernel_sim.views.palette import HOLE, Look
from kernel_sim.views.region_map import Column, Row, legend, map_text, rows_of, warnings_of

ROW_HEIGHT: Final = 20
CHARACTER: Final = 7.4
"""Width of a character, rounded up."""
GAP: Final = 16
SIZE_LEFT: Final = GAP + 152
FIRST_COLUMN: Final = 262
COLUMN_WIDTH: Final = 172
LEGEND_WIDTH: Final = 240
DARK: Final = "#222222"
GREY: Final = "#555555"
HARM: Final = "#A30000"
FONT: Final = "ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"


@dataclass(frozen=True, slots=True)
class Block:
    """Elements that need ``width`` by ``height``, placed as if they began at the top."""

    width: float
    height: int
    body: str


def map_svg(columns: Sequence[Column], title: str = "", notes: Sequence[str] = ()) -> str:
    """The map as one SVG document, rows of equal height from the lowest address on; notes below."""
    rows = rows_of(columns)
    blocks = [
        lines_block([title] if title else [], DARK),
        table_block(columns, rows),
        legend_block(legend(rows)),
        lines_block([*warnings_of(rows), *notes], HARM),
    ]
    width = max(block.width for block in blocks) + GAP
    height = sum(block.height for block in blocks) + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:g}" height="{height}" '
        f'viewBox="0 0 {width:g} {height}" font-family="{FONT}" font-size="12">'
        f"<title>{escape(title or 'Map of physical memory')}</title>"
        f"<desc>{escape(map_text(columns))}</desc>"
        f'<rect width="{width:g}" height="{height}" fill="#FFFFFF"/>'
        f"{''.join(stacked(blocks))}</svg>"
    )


def stacked(blocks: Iterable[Block]) -> Iterator[str]:
    """Each block moved below the one before."""
    top = 0
    for block in blocks:
        yield f'<g transform="translate(0 {top})">{block.body}</g>'
        top += block.height


def lines_block(lines: Sequence[str], color: str) -> Block:
    """Lines of text."""
    body = "".join(text(GAP, i * ROW_HEIGHT, line, color) for i, line in enumerate(lines))
    width = max((len(line) for line in lines), default=0) * CHARACTER
    return Block(GAP + width, len(lines) * ROW_HEIGHT, body)


def table_block(columns: Sequence[Column], rows: Sequence[Row]) -> Block:
    """The headings, and one line for each row."""
    names = [text(column_left(i), 0, column.name, DARK) for i, column in enumerate(columns)]
    headings = [text(GAP, 0, "start", DARK), text(SIZE_LEFT, 0, "size", DARK), *names]
    body = [f'<g font-weight="bold">{"".join(headings)}</g>']
    for i, row in enumerate(rows, start=1):
        body += row_elements(row, i * ROW_HEIGHT)
    return Block(column_left(len(columns)), (len(rows) + 1) * ROW_HEIGHT + GAP, "".join(body))


def column_left(index: int) -> int:
    """The left edge of column ``index``."""
    return FIRST_COLUMN + index * (COLUMN_WIDTH + GAP)


def row_elements(row: Row, top: int) -> Iterator[str]:
    """Mark, address, size and boxes of one row."""
    if row.harmful:
        yield text(3, top, "!", HARM)
    yield text(GAP, top, f"{row.start:#018x}", DARK)
    yield text(SIZE_LEFT, top, row.size, GREY)
    for i, looks in enumerate(row.looks):
        width = COLUMN_WIDTH / len(looks)
        for lane, look in enumerate(looks):
            yield from box(column_left(i) + lane * width, top, width, look)


def legend_block(looks: Sequence[Look]) -> Block:
    """What the boxes mean, in two columns, and the patterns that they use."""
    body = [tile(look) for look in looks if look.pattern]
    for i, look in enumerate(looks):
        left, top = GAP + (i % 2) * LEGEND_WIDTH, (i // 2) * ROW_HEIGHT
        body += [*box(left, top, 28, look), text(left + 36, top, look.word, DARK)]
    height = (len(looks) + 1) // 2 * ROW_HEIGHT
    return Block(GAP + 2 * LEGEND_WIDTH, height, "".join(body))


def box(left: float, top: float, width: float, look: Look) -> Iterator[str]:
    """A band in one row: colour, pattern, and a letter or word so that it reads without colour."""
    place = f'x="{left:g}" y="{top + 1:g}" width="{width - 1:g}" height="{ROW_HEIGHT - 2}"'
    if look is HOLE:
        yield f'<rect {place} fill="none" stroke="#999999" stroke-dasharray="3 3"/>'
        yield text(left + 7, top, look.letter, DARK)
        return
    yield f'<rect {place} fill="{look.color}" stroke="#333333"/>'
    if look.pattern:
        yield f'<rect {place} fill="url(#{pattern_id(look)})"/>'
    words = f"{look.letter}  {look.word}"
    if len(words) * CHARACTER > width - 12:
        words = look.letter
    ground = len(words) * CHARACTER + 6
    yield (
        f'<rect x="{left + 3:g}" y="{top + 3:g}" width="{ground:g}" height="{ROW_HEIGHT - 6}" '
        'rx="2" fill="#FFFFFF" fill-opacity="0.85"/>'
    )
    yield text(left + 6, top, words, "#111111")


def text(left: float, top: float, words: str, color: str) -> str:
    """A line of text in the row that begins at ``top``; its columns stay where they are.

    Renderers collapse spaces, and not all heed ``xml:space``: those that align something do not
    break.
    """
    aligned = re.sub(r"^ +| {2,}", lambda found: "\N{NO-BREAK SPACE}" * len(found[0]), words)
    return f'<text x="{left:g}" y="{top + 14:g}" fill="{color}">{escape(aligned)}</text>'


def tile(look: Look) -> str:
    """The pattern that marks ``look`` besides its colour."""
    return (
        f'<pattern id="{pattern_id(look)}" width="8" height="8" patternUnits="userSpaceOnUse">'
        f'<path d="{look.pattern}" stroke="#000000" stroke-opacity="0.38" fill="none"/></pattern>'
    )


def pattern_id(look: Look) -> str:
    """The name of a look's pattern; in all pictures of a page it is the same pattern."""
    return f"ksim-{look.word.lower().replace(' ', '-')}"
