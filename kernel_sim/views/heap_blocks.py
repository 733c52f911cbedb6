"""The blocks of a heap: who has which bytes, in text and as SVG.

::

    heap [0xc1000000, 0xc1004000), 1 page mapped
    0xc1000010  ████████████            r1      100 bytes
    0xc1000090  ░░░░░░░                 freed    64 bytes
    0xc1000080  !!!!!!!!!!!!            r4      100 bytes, shares 84 bytes with r1
"""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Final

from kernel_sim.values import AddrRange
from kernel_sim.views.palette import Look

BAR: Final = 24
"""Characters of the longest bar."""
WIDTH: Final = 640
ROW: Final = 22
FONT: Final = "ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"
FREED: Final = "freed"
LOOKS: Final = {
    "used": Look("█", "in use", "#56B4E9"),
    "freed": Look("░", "freed", "#FFFFFF", "M0 8L8 0"),
    "shared": Look("!", "overlaps", "#D55E00", "M0 8L8 0M0 0L8 8"),
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes with a name: of the call that returned them, or `FREED`."""

    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class HeapBlocks:
    """Stretches in order of address, and the pages that are mapped."""

    window: AddrRange
    stretches: tuple[Stretch, ...]
    pages: tuple[int, ...] = ()

    def text(self) -> str:
        """A line for the window and one for each stretch."""
        count = len(self.pages)
        lines = [f"heap {self.window}, {count} page{'s' * (count != 1)} mapped"]
        longest = max((s.end - s.start for s in self.stretches), default=1)
        for stretch in self.stretches:
            size = stretch.end - stretch.start
            bar = self._look(stretch).letter * max(size * BAR // longest, 1)
            note = self._shares(stretch)
            line = f"{stretch.start:#010x}  {bar:<{BAR}}  {stretch.name:<6} {size:>6} bytes{note}"
            lines.append(line)
        return "\n".join(lines)

    def svg(self, title: str) -> str:
        """The stretches below each other, to scale; empty if there are none."""
        if not self.stretches:
            return ""
        height = 60 + ROW * len(self.stretches)
        body = "".join(part for i, item in enumerate(self.stretches) for part in self._row(i, item))
        tiles = "".join(
            f'<pattern id="ksim-heap-{name}" width="8" height="8" patternUnits="userSpaceOnUse">'
            f'<path d="{look.pattern}" stroke="#000000" stroke-opacity="0.38" fill="none"/>'
            "</pattern>"
            for name, look in LOOKS.items()
            if look.pattern
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{WIDTH}" '
            f'height="{height}" viewBox="0 0 {WIDTH} {height}" font-family="{FONT}" '
            f'font-size="11"><title>{escape(title)}</title><desc>{escape(self.text())}</desc>'
            f'<rect width="{WIDTH}" height="{height}" fill="#FFFFFF"/>{tiles}'
            f'<text x="8" y="18" font-weight="bold" fill="#222222">{escape(title)}</text>'
            f'<text x="8" y="36" fill="#222222">{escape(self.text().splitlines()[0])}</text>'
            f"{body}</svg>"
        )

    def _row(self, index: int, stretch: Stretch) -> Iterable[str]:
        low = self.stretches[0].start
        scale = 300 / max(max(s.end for s in self.stretches) - low, 1)
        top = 46 + index * ROW
        left = 110 + (stretch.start - low) * scale
        width = max((stretch.end - stretch.start) * scale, 2)
        look = self._look(stretch)
        box = f'x="{left:.1f}" y="{top}" width="{width:.1f}" height="{ROW - 6}"'
        yield f'<text x="8" y="{top + 12}" fill="#222222">{stretch.start:#010x}</text>'
        yield f'<rect {box} fill="{look.color}" stroke="#555555"/>'
        if look.pattern:
            name = next(key for key, value in LOOKS.items() if value is look)
            yield f'<rect {box} fill="url(#ksim-heap-{name})"/>'
        words = f"{stretch.name}, {stretch.end - stretch.start} bytes{self._shares(stretch)}"
        yield f'<text x="424" y="{top + 12}" fill="#222222">{escape(words)}</text>'

    def _look(self, stretch: Stretch) -> Look:
        if self._shares(stretch):
            return LOOKS["shared"]
        return LOOKS["freed" if stretch.name == FREED else "used"]

    def _shares(self, stretch: Stretch) -> str:
        """Which other block in use has some of the same bytes, in words; empty if none."""
        if stretch.name == FREED:
            return ""
        for other in self.stretches:
            if other is stretch or other.name == FREED:
                continue
            shared = min(stretch.end, other.end) - max(stretch.start, other.start)
            if shared > 0:
                return f", shares {shared} bytes with {other.name}"
        return ""
