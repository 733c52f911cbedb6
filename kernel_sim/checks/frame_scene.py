"""The frames at one moment, to be drawn: what the calls made of them, and what their bits say."""

from dataclasses import dataclass
from typing import Final, Self

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.frame_model import FrameModel
from kernel_sim.views.frame_rows import FRAMES_A_ROW, FrameRow, FrameRows
from kernel_sim.views.palette import Look

MOST_ROWS: Final = 8

IN_USE: Final = Look("U", "in use", "#56B4E9", "M0 4H8")
FREE: Final = Look(".", "free", "#FFFFFF")
BITMAP: Final = Look("B", "bitmap", "#CC79A7", "M4 3V5M3 4H5")
RESERVED: Final = Look("R", "reserved", "#E69F00", "M0 8L8 0")
NOT_USABLE: Final = Look("-", "not usable", "#DDDDDD")
WRONG: Final = Look("!", "in use, but not to be handed out", "#D55E00", "M0 8L8 0M0 0L8 8")
BIT_FREE: Final = Look("f", "in use, its bit says free", "#F0E442", "M4 0V8")
BIT_USED: Final = Look("u", "free, its bit says used", "#F0E442")


@dataclass(frozen=True, slots=True)
class FrameScene:
    """The rows of frames in which something is to be seen."""

    rows: FrameRows

    @classmethod
    def of(cls, model: FrameModel) -> Self:
        """The present state of a model, with its bitmap as it was last read."""
        shown = model.issued | model.bitmap_frames
        numbers = sorted({n // FRAMES_A_ROW for n in _ends(shown)})
        while len(numbers) < 2 and model.owned:
            lowest = (model.owned & -model.owned).bit_length() - 1
            numbers = sorted({*numbers, lowest // FRAMES_A_ROW, lowest // FRAMES_A_ROW + 1})
        chosen = [*numbers[: MOST_ROWS // 2], *numbers[-MOST_ROWS // 2 :]]
        return cls(FrameRows(tuple(_row(model, n) for n in dict.fromkeys(chosen))))

    def text(self) -> str:
        """The rows in letters."""
        return self.rows.text()

    def svg(self, title: str) -> str:
        """The rows drawn."""
        return self.rows.svg(title)


def _ends(frames: int) -> list[int]:
    """First and last number of each run of frames."""
    starts = frames & ~(frames << 1)
    ends = frames & ~(frames >> 1)
    return [n for edge in (starts, ends) for n in range(edge.bit_length()) if edge >> n & 1]


def _row(model: FrameModel, number: int) -> FrameRow:
    first = number * FRAMES_A_ROW
    looks = tuple(_look(model, first + k) for k in range(FRAMES_A_ROW))
    return FrameRow(first * PAGE_SIZE, looks)


def _look(model: FrameModel, number: int) -> Look:
    layout = model.layout
    if model.live >> number & 1:
        if not model.owned >> number & 1:
            return WRONG
        return BIT_FREE if model.bitmap and model.bitmap.free >> number & 1 else IN_USE
    if model.bitmap_frames >> number & 1:
        return BITMAP
    if not layout.usable >> number & 1:
        return NOT_USABLE
    if layout.reserved >> number & 1:
        return RESERVED
    known = model.bitmap is not None and model.issued
    return BIT_USED if known and model.bitmap and model.bitmap.used >> number & 1 else FREE
