"""The PNG writer, read back by hand and by chunk."""

import struct
import zlib

import pytest

from kernel_sim.boot import boot
from kernel_sim.views.frame_map_png import HEIGHT, TILES, WIDTH, frame_map_png
from kernel_sim.views.frame_survey import survey
from kernel_sim.views.frame_use import USE_LOOKS, FrameUse
from kernel_sim.views.png import SIGNATURE, palette_png


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """Name and data of each chunk, with lengths and checksums verified."""
    assert png.startswith(SIGNATURE)
    rest, found = png[8:], []
    while rest:
        (size,) = struct.unpack(">I", rest[:4])
        name, data = rest[4:8], rest[8 : 8 + size]
        assert struct.unpack(">I", rest[8 + size : 12 + size])[0] == zlib.crc32(name + data)
        found.append((name, data))
        rest = rest[12 + size :]
    return found


def test_a_picture_is_written_as_the_standard_says():
    parts = chunks(palette_png([b"\0\1", b"\1\0"], ["#FF0000", "#00ff00"]))
    assert [name for name, _ in parts] == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    assert struct.unpack(">IIBBBBB", parts[0][1]) == (2, 2, 8, 3, 0, 0, 0)
    assert parts[1][1] == bytes([255, 0, 0, 0, 255, 0])
    assert zlib.decompress(parts[2][1]) == b"\0\0\1\0\1\0"


@pytest.mark.parametrize("rows", [[], [b""], [b"12", b"1"]])
def test_rows_that_make_no_rectangle_are_refused(rows: list[bytes]):
    with pytest.raises(ValueError, match="equal length"):
        palette_png(rows, ["#000000"])


def test_a_colour_that_is_none_is_refused():
    with pytest.raises(ValueError, match="#RRGGBB"):
        palette_png([b"\0"], ["red"])


@pytest.mark.parametrize("machine", ["pc128", "pc4", "pc-nasty", "map-49"])
def test_the_frame_map_of_any_machine_is_a_picture_of_one_size(machine: str):
    parts = dict(chunks(frame_map_png(survey(boot(machine=machine, until="pmm")).map)))
    assert struct.unpack(">II", parts[b"IHDR"][:8]) == (WIDTH, HEIGHT)
    pixels = zlib.decompress(parts[b"IDAT"])
    assert len(pixels) == (WIDTH + 1) * HEIGHT
    assert max(pixels) < len(parts[b"PLTE"]) // 3


def test_every_pattern_inks_some_pixels_and_not_all():
    for use in FrameUse:
        count = sum(len(row) for row in TILES[use])
        assert (0 < count < 64) == bool(USE_LOOKS[use].pattern)
