"""The blocks of a heap at one moment, to be drawn: in text and as SVG."""

from dataclasses import dataclass
from typing import Final, Self

from kernel_sim.checks.heap_model import HeapModel
from kernel_sim.checks.heap_window import HeapWindow
from kernel_sim.views.heap_blocks import HeapBlocks, Stretch

MOST_BLOCKS: Final = 12


@dataclass(frozen=True, slots=True)
class HeapScene:
    """Live blocks, freed memory and the gaps between them."""

    blocks: HeapBlocks

    @classmethod
    def of(cls, model: HeapModel, window: HeapWindow, at: tuple[int, int] | None) -> Self:
        """The present state of a model; ``at`` is where to look, if something is wrong there."""
        stretches = [Stretch(b.address, b.end, f"r{b.step + 1}") for b in model.live.values()]
        stretches += [Stretch(start, end, "freed") for start, end in model.free_stretches()]
        ordered = sorted(stretches, key=lambda item: (item.start, item.end))
        if len(ordered) > MOST_BLOCKS:
            middle = at[0] if at else ordered[-1].start
            place = next((i for i, s in enumerate(ordered) if s.end > middle), len(ordered) - 1)
            first = max(min(place - MOST_BLOCKS // 2, len(ordered) - MOST_BLOCKS), 0)
            ordered = ordered[first : first + MOST_BLOCKS]
        mapped = tuple(sorted(window.entries))
        return cls(HeapBlocks(model.window, tuple(ordered), mapped))

    def text(self) -> str:
        """One line a stretch."""
        return self.blocks.text()

    def svg(self, title: str) -> str:
        """The same drawn to scale."""
        return self.blocks.svg(title)
