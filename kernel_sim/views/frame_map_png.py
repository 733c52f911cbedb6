"""A frame map as a PNG file: colour and pattern of each cell, for where no widget can be."""

import re
from typing import Final

from kernel_sim.views.frame_map import FrameMap
from kernel_sim.views.frame_use import MIXED, USE_LOOKS, FrameUse
from kernel_sim.views.png import palette_png

WIDTH: Final = 768
HEIGHT: Final = 384
TILE: Final = 8
"""Patterns repeat every 8 pixels, across cells: a cell may be smaller than a tile."""
INK: Final = len(FrameUse)
"""Added to a use: the colour of its pattern."""
NOTHING: Final = 2 * INK
"""Where the map has no frames."""


def frame_map_png(frames: FrameMap) -> bytes:
    """The whole of ``frames``, `WIDTH` by `HEIGHT` pixels."""
    window = frames.whole
    cells = frames.cells(window)
    columns = window.columns
    rows = (1 << min(window.bits, 15)) // columns
    wide, high = WIDTH // columns, HEIGHT // rows
    picture: list[bytes] = []
    for row in range(rows):
        uses = [use & ~MIXED for use in cells[row * columns : (row + 1) * columns]]
        line = bytes(use for use in uses for _ in range(wide)).ljust(columns * wide, b"\xff")
        picture += [inked(line, y) for y in range(row * high, (row + 1) * high)]
    return palette_png(picture, COLORS)


def inked(line: bytes, y: int) -> bytes:
    """A row of uses as colours, with the pattern of each where row ``y`` crosses it."""
    made = bytearray(line)
    for use in set(line):
        if use == 0xFF:
            made = bytearray(bytes(made).replace(b"\xff", bytes((NOTHING,))))
            continue
        for x in TILES[use][y % TILE]:
            columns = line[x::TILE]
            at_x = made[x::TILE]
            made[x::TILE] = bytes(
                INK + use if one == use else old for one, old in zip(columns, at_x, strict=True)
            )
    return bytes(made)


def ink_on(color: str) -> str:
    """The colour of a pattern on ``color``: darker, or light where it is dark itself."""
    red, green, blue = bytes.fromhex(color[1:])
    if red + green + blue < 120:
        return "#BBBBBB"
    return "#" + "".join(f"{part * 5 // 9:02X}" for part in (red, green, blue))


def tile(pattern: str) -> tuple[tuple[int, ...], ...]:
    """The pixels that the path ``pattern`` inks, for each of 8 rows.

    The path's commands are M (move), H, V and L (lines) and h (a line by so much).
    """
    inked_pixels: set[tuple[int, int]] = set()
    x = y = 0
    for command, numbers in re.findall(r"([MHVLh])([\d ]+)", pattern):
        values = [int(number) for number in numbers.split()]
        before = (x, y)
        if command in "ML":
            x, y = values
        elif command == "V":
            y = values[0]
        else:
            x = values[0] if command == "H" else x + values[0]
        if command != "M":
            inked_pixels |= line_pixels(*before, x, y)
    return tuple(
        tuple(column for column in range(TILE) if (column, row) in inked_pixels)
        for row in range(TILE)
    )


def line_pixels(x: int, y: int, to_x: int, to_y: int) -> set[tuple[int, int]]:
    """The pixels of a level, upright or diagonal line; its end is not one of them."""
    length = max(abs(to_x - x), abs(to_y - y))
    step_x = (to_x > x) - (to_x < x)
    step_y = (to_y > y) - (to_y < y)
    low = -1 if step_y < 0 else 0
    return {(x + i * step_x, y + low + i * step_y) for i in range(length)}


TILES: Final = [tile(USE_LOOKS[use].pattern) for use in FrameUse]
COLORS: Final = [
    *(USE_LOOKS[use].color for use in FrameUse),
    *(ink_on(USE_LOOKS[use].color) for use in FrameUse),
    "#DDDDDD",
]
