"""What to do about a loop that catches everything: raise in the handler, where nobody catches.

A second `OutOfTime` is raised as an `Insistent` one. Python makes the exception object in the
thread that is to be stopped, and making it switches a trace function on there, which raises once
more at a later line of the plugin: in the ``except`` block, or between two rounds of the loop. Each
attempt waits for one line more than the one before, so that some attempt hits a line outside of
every ``try``, however deep they are nested.
"""

import sys
import threading
from types import FrameType
from typing import Any, Final, TypeAlias

from kernel_sim.host.budget import OutOfTime
from kernel_sim.host.source_location import is_library

MOST_LINES: Final = 40
TraceFunction: TypeAlias = Any
"""What ``sys.settrace`` takes: a function that returns one of its own kind."""
_ATTEMPTS: Final[dict[int, int]] = {}
"""Thread → attempts so far."""


class Insistent(OutOfTime):
    """Time is up, and it was before."""

    def __init__(self, what: str = "seconds", limit: float = 0.0) -> None:
        super().__init__(what, limit)
        thread = threading.get_ident()
        _ATTEMPTS[thread] = attempt = _ATTEMPTS.get(thread, 0) + 1
        if sys.gettrace() is None:
            _trace(_Countdown(attempt % MOST_LINES))


def give_up(thread: int) -> None:
    """Forget the attempts in ``thread``; called in that thread, whose trace function goes off."""
    if _ATTEMPTS.pop(thread, 0) and isinstance(sys.gettrace(), _Countdown):
        sys.settrace(None)


class _Countdown:
    """A trace function that raises at the n-th line of code that is not ours."""

    def __init__(self, lines: int) -> None:
        self._left = lines

    def __call__(self, frame: FrameType, event: str, _argument: object) -> TraceFunction:
        if is_library(frame.f_code.co_filename):
            return None
        if event == "line":
            self._left -= 1
            if self._left < 0:
                raise OutOfTime
        return self


def _trace(countdown: _Countdown) -> None:
    """Switch ``countdown`` on for this thread and for the frames that are running already."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the only way to running frames
    while frame is not None:
        if not is_library(frame.f_code.co_filename):
            frame.f_trace = countdown
        frame = frame.f_back
    sys.settrace(countdown)
