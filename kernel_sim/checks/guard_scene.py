"""The pages for guarded regions at one moment, to be drawn: what they should be, and what they are.

::

    0xc2000000  G##G#### #G......        G guard   # usable   ! wrong   . nothing
"""

from dataclasses import dataclass
from typing import Final, Self

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.guard_ledger import guard_pages, usable_pages
from kernel_sim.checks.guard_world import World
from kernel_sim.checks.kernel_space import Leaf
from kernel_sim.views.frame_rows import FRAMES_A_ROW, FrameRow, FrameRows
from kernel_sim.views.palette import Look

MOST_ROWS: Final = 6
ROW_BYTES: Final = FRAMES_A_ROW * PAGE_SIZE

GUARD: Final = Look("G", "guard, mapped nowhere", "#E69F00", "M0 8L8 0")
USABLE: Final = Look("#", "usable, mapped", "#56B4E9", "M0 4H8")
NOTHING: Final = Look(".", "nothing", "#FFFFFF")
GUARD_MAPPED: Final = Look("M", "guard, but mapped", "#D55E00", "M0 8L8 0M0 0L8 8")
USABLE_LOST: Final = Look("L", "usable, but mapped nowhere", "#D55E00", "M4 0V8")
STRAY: Final = Look("S", "mapped, but no region's", "#CC79A7", "M4 3V5M3 4H5")


@dataclass(frozen=True, slots=True)
class GuardScene:
    """The rows of pages in which something is to be seen."""

    rows: tuple[FrameRow, ...]

    @classmethod
    def of(cls, world: World) -> Self:
        """The present state of a boot."""
        leaves = world.leaves()
        usable = {p for region in world.ledger.installed for p in usable_pages(region)}
        guards = {p for region in world.ledger.installed for p in guard_pages(region)}
        numbers = sorted({page // ROW_BYTES for page in {*leaves, *usable, *guards}})
        rows = (_row(n * ROW_BYTES, leaves, usable, guards) for n in numbers[:MOST_ROWS])
        return cls(tuple(rows))

    def text(self) -> str:
        """The rows in letters."""
        return FrameRows(self.rows).text()

    def svg(self, title: str) -> str:
        """The rows drawn."""
        return FrameRows(self.rows).svg(title)


def _row(start: int, leaves: dict[int, Leaf], usable: set[int], guards: set[int]) -> FrameRow:
    pages = range(start, start + ROW_BYTES, PAGE_SIZE)
    looks = tuple(_look(p in leaves, usable=p in usable, guard=p in guards) for p in pages)
    return FrameRow(start, looks)


def _look(mapped: bool, *, usable: bool, guard: bool) -> Look:
    if usable:
        return USABLE if mapped else USABLE_LOST
    if guard:
        return GUARD_MAPPED if mapped else GUARD
    return STRAY if mapped else NOTHING
