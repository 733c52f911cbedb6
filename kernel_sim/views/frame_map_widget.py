"""The frame map as a widget: zoom, texts and a call for the frame that is chosen.

Needs the extra ``notebook``. What the browser draws is in ``frame_map.js``, which asks nothing of
the network.
"""

from collections.abc import Callable
from typing import Any

import traitlets

from kernel_sim.boot import Boot
from kernel_sim.views.frame_map import CLOSEST_BITS, FrameInfo, FrameMap, Window
from kernel_sim.views.frame_map_png import frame_map_png, ink_on
from kernel_sim.views.frame_survey import Survey, survey
from kernel_sim.views.frame_use import USE_LOOKS, FrameUse
from kernel_sim.views.live_widget import LiveWidget
from kernel_sim.views.script import script

MOST_SPANS = 4000
"""Spans that the browser is told of; a map in more pieces has no owners in its texts beyond."""


class FrameMapWidget(LiveWidget):
    """The frames of a booted machine, as they change.

    Args:
        result: the boot.
        on_choose: called with each frame that is clicked, or chosen by Enter; what it returns, if
            it is text, is shown below the map.

    Traits: ``cells``, one byte each; ``first``, ``bits``, ``columns`` and ``shift`` say which
    frames they are; ``spans``: first frame, end, owner, tags; ``looks``: letter, word, colour,
    pattern and its ink for each use; ``answer``: what was said of the chosen frame.
    """

    _esm = script("frame_map.js")

    first = traitlets.Int(0).tag(sync=True)
    bits = traitlets.Int(CLOSEST_BITS).tag(sync=True)
    columns = traitlets.Int(1).tag(sync=True)
    shift = traitlets.Int(0).tag(sync=True)
    frame_count = traitlets.Int(0).tag(sync=True)
    spans: traitlets.List[Any] = traitlets.List().tag(sync=True)
    looks: traitlets.List[Any] = traitlets.List().tag(sync=True)
    answer = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self, result: Boot, on_choose: Callable[[FrameInfo], object] | None = None
    ) -> None:
        self._result = result
        self._on_choose = on_choose
        self._survey: Survey = survey(result)
        self._window = self._survey.map.whole
        super().__init__(
            result.machine.trace,
            looks=[look_of(use) for use in FrameUse],
            frame_count=self._survey.map.frame_count,
            spans=spans_of(self._survey.map),
            **traits_of(self._window),
        )
        self.on_msg(self._receive)

    def frame_map(self) -> FrameMap:
        """The map as it is now."""
        return self._survey.now()

    def read(self) -> bytes:
        """The cells of the window that is shown."""
        return self._survey.now().cells(self._window)

    def words(self) -> str:
        """Counts and spans."""
        return self._survey.map.text()

    def png(self) -> bytes:
        """The whole map."""
        return frame_map_png(self._survey.map)

    def refresh(self) -> None:
        """Ask the kernel again what its memory is used for, and show it."""
        if self.comm is None:
            return
        self._survey = survey(self._result)
        self.spans = spans_of(self._survey.map)
        super().refresh()

    def look_at(self, window: Window) -> None:
        """Show another part of the map."""
        self._window = window
        cells = self.read()
        self._coalescer.begin(cells)
        with self.hold_sync():
            self.set_trait("cells", cells)
            for name, value in traits_of(window).items():
                self.set_trait(name, value)

    def choose(self, number: int) -> FrameInfo:
        """What is known of a frame; tells who asked to be told."""
        info = self.frame_map().frame(number)
        said = self._on_choose(info) if self._on_choose is not None else None
        self.answer = said if isinstance(said, str) else str(info)
        return info

    def _receive(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        """A message of the browser: ``window`` or ``choose``."""
        match content:
            case {"kind": "window", "first": int(first), "bits": int(bits)}:
                self.look_at(within(Window(first, bits), self._survey.map))
            case {"kind": "choose", "frame": int(frame)} if 0 <= frame < self.frame_count:
                self.choose(frame)


def within(window: Window, frames: FrameMap) -> Window:
    """The nearest window that lies in the map and begins with a cell."""
    bits = min(max(window.bits, CLOSEST_BITS), frames.whole.bits)
    last = max(frames.frame_count - (1 << bits), 0)
    shift = Window(0, bits).shift
    return Window(min(max(window.first, 0), last) >> shift << shift, bits)


def traits_of(window: Window) -> dict[str, int]:
    """The traits that say which frames the cells are."""
    return {
        "first": window.first,
        "bits": window.bits,
        "columns": window.columns,
        "shift": window.shift,
    }


def spans_of(frames: FrameMap) -> list[list[object]]:
    """The spans as plain data."""
    return [[s.first, s.end, s.owner, list(s.tags)] for s in frames.spans[:MOST_SPANS]]


def look_of(use: FrameUse) -> list[str]:
    """Letter, word, colour, pattern and the pattern's ink."""
    look = USE_LOOKS[use]
    return [look.letter, look.word, look.color, look.pattern, ink_on(look.color)]
