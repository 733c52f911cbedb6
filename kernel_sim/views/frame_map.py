"""Physical memory as a map of frames: who owns what, drawn in cells of 2^k frames.

::

    frame number      0 ........ 2^k ....... 2 * 2^k ...
    cell             |     0    |     1     |            one byte: a `FrameUse`, MIXED added where
                                                         the cell holds frames of several uses

A map is made of spans, which do not overlap, and of the allocator's bits, which tell used frames
from free ones inside available spans. A view never looks at single frames unless a cell is one, so
a map of 64 GiB takes as long as one of 128 MiB.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.views.byte_size import byte_size
from kernel_sim.views.frame_bits import FrameBits
from kernel_sim.views.frame_use import MIXED, USE_LOOKS, FrameUse

COLUMNS: Final = 256
ROWS: Final = 128
MAX_CELLS: Final = COLUMNS * ROWS
FULL_BITS: Final = 15
"""MAX_CELLS is 2^15."""
CLOSEST_BITS: Final = 9
"""A view shows at least 2^9 frames, as 32 by 16 cells."""
TEXT_SPANS: Final = 24
"""Lines of the text form."""


@dataclass(frozen=True, slots=True)
class Span:
    """Frames ``[first, end)`` of one use and, in words, of one owner; ``tags`` beside it."""

    first: int
    end: int
    use: FrameUse
    owner: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a map that is drawn: 2^``bits`` frames from ``first`` on."""

    first: int
    bits: int

    @property
    def shift(self) -> int:
        """k: a cell is 2^k frames."""
        return max(self.bits - FULL_BITS, 0)

    @property
    def columns(self) -> int:
        """Cells in a row."""
        return 1 << (min(self.bits, FULL_BITS) + 1) // 2

    @property
    def frame_count(self) -> int:
        """Frames that fit."""
        return 1 << self.bits


@dataclass(frozen=True, slots=True)
class FrameInfo:
    """What is known of one frame."""

    frame: int
    use: FrameUse
    owner: str
    tags: tuple[str, ...]

    @property
    def address(self) -> int:
        """Of the frame's first byte."""
        return self.frame * PAGE_SIZE

    def __str__(self) -> str:
        tags = f", tags {', '.join(self.tags)}" if self.tags else ""
        use = USE_LOOKS[self.use].word
        owner = f", {self.owner}" if self.owner != use else ""
        return f"frame {self.frame}, address {self.address:#x}: {use}{owner}{tags}"


@dataclass(frozen=True, slots=True)
class FrameMap:
    """Frames 0 to ``frame_count``.

    Args:
        title: of the picture.
        frame_count: how many frames are shown at most.
        spans: sorted, without gaps or overlaps, from 0 to ``frame_count``.
        bits: which frames the allocator holds for used; None where nobody knows.
    """

    title: str
    frame_count: int
    spans: tuple[Span, ...]
    bits: FrameBits | None = None

    def with_bits(self, bits: FrameBits | None) -> "FrameMap":
        """The same map with the allocator's bits as they are now."""
        return replace(self, bits=bits)

    @property
    def whole(self) -> Window:
        """The window that holds all frames."""
        return Window(0, max((self.frame_count - 1).bit_length(), CLOSEST_BITS))

    def cells(self, window: Window) -> bytes:
        """One byte for each cell of ``window`` that lies in the map, row by row."""
        end = min(window.first + window.frame_count, self.frame_count)
        count = -(-max(end - window.first, 0) >> window.shift)
        cells = bytearray(count)
        shared: dict[int, Counter[FrameUse]] = {}
        for span in self.spans_in(window.first, end):
            self._fill(cells, shared, span, window)
        for cell, frames in shared.items():
            use = max(frames, key=lambda one: (frames[one], one))
            cells[cell] = use | (MIXED if len(frames) > 1 else 0)
        return bytes(cells)

    def _fill(
        self,
        cells: bytearray,
        shared: dict[int, Counter[FrameUse]],
        span: Span,
        window: Window,
    ) -> None:
        """Write the cells that lie in ``span``; those it shares with others are counted."""
        shift, origin = window.shift, window.first
        first, end = span.first - origin, span.end - origin
        inner, outer = -(-first >> shift), end >> shift
        for edge in {first >> shift, end >> shift}:
            low, high = max(first, edge << shift), min(end, (edge + 1) << shift)
            if low < high and not inner <= edge < outer:
                use = self._use(span, low + origin, high + origin)
                shared.setdefault(edge, Counter())[use] += high - low
        if inner >= outer:
            return
        if not self._is_managed(span):
            cells[inner:outer] = bytes((span.use,)) * (outer - inner)
            return
        cells[inner:outer] = fullness_of_cells(
            self.bits or FrameBits(b""), origin + (inner << shift), outer - inner, shift
        )

    def _use(self, span: Span, first: int, end: int) -> FrameUse:
        """The use of the frames ``[first, end)`` of ``span``."""
        if self.bits is None or not self._is_managed(span):
            return span.use
        return fullness(self.bits.count(first, end), end - first)

    def _is_managed(self, span: Span) -> bool:
        """Whether the allocator's bits tell the frames of ``span`` apart."""
        bits = self.bits
        return (
            bits is not None
            and span.use is FrameUse.AVAILABLE
            and bits.first <= span.first
            and span.end <= bits.end
        )

    def spans_in(self, first: int, end: int) -> Iterator[Span]:
        """The spans, cut to the frames ``[first, end)``."""
        for span in self.spans:
            if span.first < end and first < span.end:
                yield replace(span, first=max(span.first, first), end=min(span.end, end))

    def frame(self, number: int) -> FrameInfo:
        """What is known of frame ``number``, which is part of the map."""
        span = next(self.spans_in(number, number + 1))
        return FrameInfo(number, self._use(span, number, number + 1), span.owner, span.tags)

    def text(self) -> str:
        """Title, counts, and one line for each span."""
        lines = [line_of(self, span) for span in self.spans[:TEXT_SPANS]]
        more = len(self.spans) - TEXT_SPANS
        return "\n".join([*self.summary_lines(), *lines, *([f"and {more} more"] * (more > 0))])

    def summary_lines(self) -> Sequence[str]:
        """Title, and how much memory there is of each use."""
        counts: Counter[FrameUse] = Counter()
        for span in self.spans:
            taken = self.used_in(span)
            if taken is None:
                counts[span.use] += span.end - span.first
            else:
                counts[FrameUse.USED] += taken
                counts[FrameUse.FREE] += span.end - span.first - taken
        words = (f"{USE_LOOKS[use].word} {n}" for use, n in sorted(counts.items()) if n)
        return [f"{self.title}: {self.frame_count} frames of 4 KiB", ", ".join(words)]

    def used_in(self, span: Span) -> int | None:
        """How many frames of an available span are used; None of others."""
        if self.bits is None or not self._is_managed(span):
            return None
        return self.bits.count(span.first, span.end)


def fullness(used: int, count: int) -> FrameUse:
    """The use of ``count`` available frames of which ``used`` are used."""
    if not used:
        return FrameUse.FREE
    return FrameUse.USED if used == count else FrameUse.PARTLY


def fullness_of_cells(bits: FrameBits, first: int, count: int, shift: int) -> bytes:
    """``count`` cells of 2^``shift`` frames from ``first`` on; what is all alike is not split."""
    use = fullness(bits.count(first, first + (count << shift)), count << shift)
    if count == 1 or use is not FrameUse.PARTLY:
        return bytes((use,)) * count
    half = count // 2
    middle = first + (half << shift)
    return fullness_of_cells(bits, first, half, shift) + fullness_of_cells(
        bits, middle, count - half, shift
    )


def line_of(frames: FrameMap, span: Span) -> str:
    """A span as a line: address, size, letter, owner, tags, how full it is."""
    look = USE_LOOKS[span.use]
    size = byte_size((span.end - span.first) * PAGE_SIZE)
    taken = frames.used_in(span)
    full = f", {taken} of {span.end - span.first} frames used" if taken is not None else ""
    tags = f" [{', '.join(span.tags)}]" if span.tags else ""
    return f"{span.first * PAGE_SIZE:#018x}  {size:<11} {look.letter} {span.owner}{tags}{full}"
