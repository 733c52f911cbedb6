"""PNG files of palette pictures, by the standard library alone.

::

    signature | IHDR: width height 8 bits, colour type 3 | PLTE | IDAT: rows, deflated | IEND

References: W3C Portable Network Graphics, 3rd edition, 5 (layout) and 9 (filters).
"""

import re
import struct
import zlib
from collections.abc import Sequence
from typing import Final

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
PALETTE: Final = 3
"""Colour type: a byte of a row is an index into PLTE."""
NO_FILTER: Final = b"\0"
"""In front of each row."""


def palette_png(rows: Sequence[bytes], colors: Sequence[str]) -> bytes:
    """A PNG whose pixel x of row y has the colour ``colors[rows[y][x]]``.

    Args:
        rows: one or more, of equal length of at least one pixel.
        colors: up to 256, each ``#RRGGBB``.

    Raises:
        ValueError: the rows make no rectangle, or a colour is none.
    """
    width = len(rows[0]) if rows else 0
    if not width or any(len(row) != width for row in rows):
        raise ValueError("a picture has rows of equal length, at least one pixel")
    header = struct.pack(">IIBBBBB", width, len(rows), 8, PALETTE, 0, 0, 0)
    body = b"".join(NO_FILTER + bytes(row) for row in rows)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", b"".join(map(_rgb, colors))),
        (b"IDAT", zlib.compress(body, 9)),
        (b"IEND", b""),
    )
    return SIGNATURE + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    """Length, name, data and the CRC of name and data."""
    checksum = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)


def _rgb(color: str) -> bytes:
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", color):
        raise ValueError(f"{color!r}; expected #RRGGBB")
    return bytes.fromhex(color[1:])
