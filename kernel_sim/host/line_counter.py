"""The time budget where there are no threads.

Executed Python lines are counted by a trace function.
"""

import sys
from types import FrameType
from typing import Any, TypeAlias

from kernel_sim.host.budget import LINES_PER_SECOND, OutOfTime

TraceFunction: TypeAlias = Any
"""What ``sys.settrace`` takes: a function that returns one of its own kind."""


class LineCounter:
    """Raises `OutOfTime` after so many lines.

    Leaves a debugger's or coverage's trace function alone.
    """

    def __init__(self) -> None:
        self._left = 0
        self._armed = False

    def arm(self, seconds: float) -> None:
        """Count the lines of everything that is called from here on."""
        if sys.gettrace() is None:
            self._left = int(seconds * LINES_PER_SECOND)
            self._armed = True
            sys.settrace(self._count)

    def disarm(self) -> None:
        """Stop counting."""
        if self._armed:
            self._armed = False
            sys.settrace(None)

    def _count(self, _frame: FrameType, event: str, _argument: object) -> TraceFunction:
        if event == "line":
            self._left -= 1
            if self._left < 0:
                raise OutOfTime
        return self._count
