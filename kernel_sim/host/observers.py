"""`on_event` for all: events wait until the outermost hook has returned, faults are told at once.

Nobody is told of what it caused itself: not of its own log lines, nor of anything that follows from
its `on_event`. Each event carries the names of its authors, so two observers that log cannot feed
each other for ever.
"""

from collections import deque
from typing import Final

from kernel_sim.host.hook_calls import GuardedCall
from kernel_sim.values import Event

OBSERVED: Final = frozenset({"log", "hook", "fault", "control"})
_NOBODY: Final[frozenset[str]] = frozenset()


class Observers:
    """The plugins that implement `on_event`, in order, and the events that wait for them."""

    def __init__(self) -> None:
        self.calls: list[GuardedCall] = []
        self.last_fault: Event | None = None
        self._waiting: deque[tuple[Event, frozenset[str]]] = deque()
        self._authors = _NOBODY

    def note(self, event: Event) -> None:
        """Take an event of the trace."""
        if event.kind == "fault":
            self.last_fault = event
        elif self.calls and event.kind in OBSERVED:
            self._waiting.append((event, self._authors_of(event)))

    def _authors_of(self, event: Event) -> frozenset[str]:
        if event.kind != "log":
            return self._authors
        return self._authors | {str(event.fields.get("plugin", ""))}

    def tell_fault(self) -> None:
        """Tell all of the fault that is being handled."""
        if self.last_fault is not None:
            event, self.last_fault = self.last_fault, None
            self._tell(event, self._authors)

    def flush(self) -> None:
        """Tell all of everything that waits, and of what comes up meanwhile."""
        while self._waiting:
            self._tell(*self._waiting.popleft())

    def clear(self) -> None:
        """Forget what waits: the kernel has stopped."""
        self._waiting.clear()
        self._authors = _NOBODY

    def _tell(self, event: Event, authors: frozenset[str]) -> None:
        before = self._authors
        for call in self.calls:
            if call.owner.plugin not in authors:
                self._authors = authors | {call.owner.plugin}
                try:
                    call(event)
                finally:
                    self._authors = before
