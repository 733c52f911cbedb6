"""The region map as SVG: colour, pattern and letter for each band; the text form describes it."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from kernel_sim.views.palette import HOLE, Look
from kernel_sim.views.region_map import Column, Row, legend, map_text, rows_of, warnings_of

ROW_HEIGHT: Final = 20
HEADER: Final = 26
LABELS_WIDTH: Final = 250
COLUMN_WIDTH: Final = 150
GAP: Final = 16
LEGEND_WIDTH: Final = 240
HARM: Final = "#A30000"
FONT: Final = "ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"


def map_svg(columns: Sequence[Column], title: str = "Map of physical memory") -> str:
    """The map as one SVG document, rows of equal height, lowest address first; not to scale."""
    rows = rows_of(columns)
    key = legend(rows)
    width = LABELS_WIDTH + len(columns) * (COLUMN_WIDTH + GAP) + GAP
    below = HEADER + len(rows) * ROW_HEIGHT + GAP
    notes = warnings_of(rows)
    width = max(width, LEGEND_WIDTH * 2, *(len(note) * 15 // 2 + 2 * GAP for note in notes or [""]))
    height = below + ROW_HEIGHT * ((len(key) + 1) // 2 + len(notes)) + GAP
    parts = [
        *(tile(look) for look in key if look.pattern),
        *headings(columns),
        *(element for i, row in enumerate(rows) for element in row_elements(row, i)),
        *legend_elements(key, below),
        *(
            f'<text x="{GAP}" y="{height - GAP + 4}" fill="{HARM}">{escape(note)}</text>'
            for note in notes
        ),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="{FONT}" font-size="12">'
        f"<title>{escape(title)}</title><desc>{escape(map_text(columns))}</desc>"
        f'<rect width="{width}" height="{height}" fill="#FFFFFF"/>{"".join(parts)}</svg>'
    )


def tile(look: Look) -> str:
    """The pattern that marks ``look`` besides its colour."""
    return (
        f'<pattern id="{pattern_id(look)}" width="8" height="8" patternUnits="userSpaceOnUse">'
        f'<path d="{look.pattern}" stroke="#000000" stroke-opacity="0.38" fill="none"/></pattern>'
    )


def pattern_id(look: Look) -> str:
    """The name of a look's pattern; in all pictures of a page it is the same pattern."""
    return f"ksim-{look.word.lower().replace(' ', '-')}"


def headings(columns: Sequence[Column]) -> list[str]:
    """The names over the columns."""
    names = ["start", "size"]
    places = [GAP, GAP + 152]
    for i, column in enumerate(columns):
        names.append(column.name)
        places.append(column_left(i))
    return [
        f'<text x="{x}" y="17" font-weight="bold" fill="#222222">{escape(name)}</text>'
        for x, name in zip(places, names, strict=True)
    ]


def column_left(index: int) -> int:
    """The left edge of column ``index``."""
    return LABELS_WIDTH + index * (COLUMN_WIDTH + GAP)


def row_elements(row: Row, index: int) -> Iterable[str]:
    """Address, size and boxes of one row."""
    top = HEADER + index * ROW_HEIGHT
    if row.harmful:
        yield f'<text x="3" y="{top + 14}" font-weight="bold" fill="{HARM}">!</text>'
    yield f'<text x="{GAP}" y="{top + 14}" fill="#222222">{row.start:#018x}</text>'
    yield f'<text x="{GAP + 152}" y="{top + 14}" fill="#555555">{row.size}</text>'
    for i, looks in enumerate(row.looks):
        width = COLUMN_WIDTH / len(looks)
        for lane, look in enumerate(looks):
            yield from box(column_left(i) + lane * width, top, width, look, alone=len(looks) == 1)


def box(left: float, top: float, width: float, look: Look, *, alone: bool) -> Iterable[str]:
    """One band in one row: filled, patterned, and lettered so that it reads without colour."""
    place = f'x="{left:g}" y="{top + 1:g}" width="{width - 1:g}" height="{ROW_HEIGHT - 2}"'
    if look is HOLE:
        yield f'<rect {place} fill="none" stroke="#999999" stroke-dasharray="3 3"/>'
    else:
        yield f'<rect {place} fill="{look.color}" stroke="#333333"/>'
    if look.pattern:
        yield f'<rect {place} fill="url(#{pattern_id(look)})"/>'
    words = f"{look.letter}  {look.word}" if alone and look is not HOLE else look.letter
    room = len(words) * 7.3 + 8
    if look is not HOLE:
        yield (
            f'<rect x="{left + 3:g}" y="{top + 3:g}" width="{min(room, width - 7):g}" '
            f'height="{ROW_HEIGHT - 6}" rx="2" fill="#FFFFFF" fill-opacity="0.85"/>'
        )
    yield f'<text x="{left + 7:g}" y="{top + 14:g}" fill="#111111">{escape(words)}</text>'


def legend_elements(key: Sequence[Look], top: int) -> Iterable[str]:
    """The legend in two columns."""
    for i, look in enumerate(key):
        left = GAP + (i % 2) * LEGEND_WIDTH
        y = top + (i // 2) * ROW_HEIGHT
        yield from box(left, y, 28, look, alone=False)
        yield f'<text x="{left + 36}" y="{y + 14}" fill="#222222">{escape(look.word)}</text>'
