"""A widget that shows bytes of a machine and follows them; needs the extra ``notebook``.

While a cell runs the browser is sent patches, at the pace of `Coalescer`; when the cell has ended,
the trait ``cells`` is set, which is what a saved notebook keeps.
"""

import base64
import time
from collections.abc import Callable
from typing import Any, Final, TypeAlias
from weakref import WeakMethod

import anywidget
import traitlets

from kernel_sim.trace import Trace
from kernel_sim.values import Event
from kernel_sim.views.cell_end import at_cell_end
from kernel_sim.views.coalescing import Coalescer
from kernel_sim.views.running_shell import ShownOnce

SHARE: Final = 5
"""Looking takes at most one part in this many of a cell's time."""


Bundle: TypeAlias = dict[str, Any]
"""MIME type to data, or to what is to be known of it."""


class LiveWidget(ShownOnce, anywidget.AnyWidget):
    """Base of the views that follow a machine.

    A subclass says by `read` what it shows, by `words` the same as text, and by `png` how it looks
    where no widget can be.
    """

    cells = traitlets.Bytes(b"").tag(sync=True)
    label = traitlets.Unicode("").tag(sync=True)
    """The text form: what a screen reader reads."""

    def __init__(self, trace: Trace, **traits: object) -> None:
        self._coalescer = Coalescer(self._send_patch)
        self._not_before = 0.0
        self._looking = False
        cells = self.read()
        self._coalescer.begin(cells)
        super().__init__(cells=cells, label=self.words(), **traits)
        follow(trace, self._on_event)
        at_cell_end(self.refresh)

    def read(self) -> bytes:
        """What is to be shown now; asks no hook, since one may be running."""
        raise AttributeError("a view says what it shows")

    def words(self) -> str:
        """The same as text."""
        raise AttributeError("a view has a text form")

    def png(self) -> bytes:
        """The picture as a PNG file; empty where there is none."""
        return b""

    def html(self) -> str:
        """The picture as HTML; empty where there is none."""
        return ""

    @property
    def patch_count(self) -> int:
        """How many patches were sent so far."""
        return self._coalescer.sent_count

    def refresh(self) -> None:
        """Show everything as it is now, unless the view was closed."""
        if self.comm is None:
            return
        cells = self.read()
        self._coalescer.flush(cells)  # the trait alone says nothing where all is as at the start
        with self.hold_sync():
            self.cells = cells
            self.label = self.words()

    def _on_event(self, _event: Event) -> None:
        """Something happened in the machine: show it if it is time to."""
        now = time.monotonic()
        if self._looking or now < self._not_before or not self._coalescer.is_due:
            return
        self._looking = True
        try:
            self._coalescer.offer(self.read())
        finally:
            self._looking = False
            self._not_before = now + SHARE * (time.monotonic() - now)

    def _send_patch(self, start: int, data: bytes) -> None:
        self.send({"kind": "patch", "start": start}, [data])

    def __repr__(self) -> str:
        return self.words()

    def bundle(self) -> tuple[Bundle, Bundle]:
        """The widget, and what stands for it where no widget can be."""
        data, metadata = self._repr_mimebundle_() or ({}, {})
        picture, html = self.png(), self.html()
        data |= {"image/png": base64.b64encode(picture).decode()} if picture else {}
        data |= {"text/html": html} if html else {}
        return {**data, "text/plain": self.words()}, metadata


def follow(trace: Trace, call: Callable[[Event], None]) -> None:
    """Call the bound method ``call`` with each event, as long as its object lives."""
    reference = WeakMethod(call)

    def tell(event: Event) -> None:
        living = reference()
        if living is not None:
            living(event)

    trace.subscribe(tell)
