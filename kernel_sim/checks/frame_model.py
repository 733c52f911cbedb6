"""The model of a frame allocator: which frames are in use, and which it may hand out."""

from dataclasses import dataclass
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.bench import Run
from kernel_sim.checks.frame_bitmap import Bitmap, is_poison
from kernel_sim.checks.frame_layout import FrameLayout, numbers, touched_set
from kernel_sim.values import FrameStats

_MOST_LOOKED_AT: Final = 256


@dataclass(slots=True)
class FrameModel:
    """One boot's frames, as sets of bits (see `frame_layout`).

    Args:
        layout: what the allocator was told.
        seed: of the poison in RAM.
        live: the frames in use.
        issued: all frames that ever were handed out.
        stats: the last statistics.
        bitmap: the last bitmap that was read.
    """

    layout: FrameLayout
    seed: int = 0
    live: int = 0
    issued: int = 0
    stats: FrameStats | None = None
    bitmap: Bitmap | None = None

    @property
    def bitmap_frames(self) -> int:
        """The frames that the bitmap lies in."""
        return touched_set([self.bitmap.range]) if self.bitmap is not None else 0

    @property
    def owned(self) -> int:
        """The frames that may be handed out: usable, not reserved, not the bitmap's."""
        return self.layout.owned & ~self.bitmap_frames

    @property
    def available(self) -> int:
        """The frames that can be allocated now."""
        return self.owned & ~self.live

    def is_live(self, address: int) -> bool:
        """Whether ``address`` is a frame in use."""
        number, rest = divmod(address, PAGE_SIZE)
        return rest == 0 and number >= 0 and bool(self.live >> number & 1)

    def allocate(self, address: int) -> None:
        """A frame was handed out."""
        self.live |= 1 << address // PAGE_SIZE
        self.issued |= 1 << address // PAGE_SIZE

    def free(self, address: int) -> None:
        """A frame was given back."""
        self.live &= ~(1 << address // PAGE_SIZE)

    def kept(self, run: Run, frames: int) -> int:
        """Those of ``frames`` that were never issued but hold something: data of the allocator.

        It may keep as many as two bitmaps take, and no more: the rest it only keeps back.
        """
        own, never = 0, frames & ~self.issued
        if never.bit_count() > _MOST_LOOKED_AT:
            return 0
        for number in numbers(never):
            if not is_poison(run, number, self.seed):
                own |= 1 << number
        return own if own.bit_count() <= 2 * self.layout.bitmap_frames_needed else 0
