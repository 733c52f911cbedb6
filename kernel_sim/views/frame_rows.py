"""Frames in rows, one cell each: who has which frame, in text and as SVG.

::

    0x00100000  UUU.....  ........
    0x00110000  ....B---  --------
    U in use  . free  B bitmap  - not usable

Letter, colour and pattern say the same; rows between two that are shown and look all alike are left
out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from kernel_sim.views.palette import Look

FRAMES_A_ROW: Final = 32
GROUP: Final = 8
CELL: Final = 16
LEFT: Final = 110
TOP: Final = 28
FONT: Final = "ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"


@dataclass(frozen=True, slots=True)
class FrameRow:
    """``looks`` of adjacent frames, the first one at ``address``."""

    address: int
    looks: tuple[Look, ...]

    def text(self) -> str:
        """The row in letters, in groups of eight."""
        letters = "".join(look.letter for look in self.looks)
        groups = [letters[k : k + GROUP] for k in range(0, len(letters), GROUP)]
        return f"{self.address:#010x}  {' '.join(groups)}"


@dataclass(frozen=True, slots=True)
class FrameRows:
    """Some rows of the map of frames."""

    rows: tuple[FrameRow, ...]

    def legend(self) -> list[Look]:
        """The looks that occur, each once."""
        return list(dict.fromkeys(look for row in self.rows for look in row.looks))

    def text(self) -> str:
        """Rows and legend."""
        key = "  ".join(f"{look.letter} {look.word}" for look in self.legend())
        return "\n".join([*(row.text() for row in self.rows), key]) if self.rows else ""

    def svg(self, title: str) -> str:
        """The same drawn; empty if there is no row."""
        if not self.rows:
            return ""
        key = self.legend()
        width = LEFT + FRAMES_A_ROW * CELL + 16
        height = TOP + len(self.rows) * (CELL + 4) + 24 * ((len(key) + 2) // 3) + 8
        body = "".join(
            [
                *(_tile(look) for look in key if look.pattern),
                *(part for i, row in enumerate(self.rows) for part in _row(row, i)),
                *_key(key, TOP + len(self.rows) * (CELL + 4) + 8),
            ]
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" '
            f'height="{height}" viewBox="0 0 {width} {height}" font-family="{FONT}" '
            f'font-size="11"><title>{escape(title)}</title><desc>{escape(self.text())}</desc>'
            f'<rect width="{width}" height="{height}" fill="#FFFFFF"/>'
            f'<text x="8" y="18" font-weight="bold" fill="#222222">{escape(title)}</text>'
            f"{body}</svg>"
        )


def _row(row: FrameRow, index: int) -> Iterable[str]:
    top = TOP + index * (CELL + 4)
    yield f'<text x="8" y="{top + 12}" fill="#222222">{row.address:#010x}</text>'
    for place, look in enumerate(row.looks):
        yield _cell(LEFT + place * CELL, top, look)


def _cell(left: int, top: int, look: Look) -> str:
    box = f'x="{left}" y="{top}" width="{CELL - 1}" height="{CELL - 1}"'
    parts = [f'<rect {box} fill="{look.color}" stroke="#555555"/>']
    if look.pattern:
        parts.append(f'<rect {box} fill="url(#{_pattern_id(look)})"/>')
    parts.append(f'<text x="{left + 4}" y="{top + 12}" fill="#111111">{escape(look.letter)}</text>')
    return "".join(parts)


def _key(key: Sequence[Look], top: int) -> Iterable[str]:
    for i, look in enumerate(key):
        left, y = 8 + i % 3 * 200, top + i // 3 * 24
        yield _cell(left, y, look)
        yield f'<text x="{left + 24}" y="{y + 12}" fill="#222222">{escape(look.word)}</text>'


def _tile(look: Look) -> str:
    return (
        f'<pattern id="{_pattern_id(look)}" width="8" height="8" patternUnits="userSpaceOnUse">'
        f'<path d="{look.pattern}" stroke="#000000" stroke-opacity="0.38" fill="none"/></pattern>'
    )


def _pattern_id(look: Look) -> str:
    return f"ksim-frame-{look.word.lower().replace(' ', '-').replace(',', '')}"
