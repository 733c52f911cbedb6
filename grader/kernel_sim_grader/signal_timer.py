"""The time budget of a worker: the kernel's profiling timer, which needs no thread (Unix).

Same contract and same verdict as the watchdog thread of `kernel_sim.host.watchdog`, so that a check
says the same in a worker and in a notebook. A plugin can take the signal away from us; then the
limits of the process end it.
"""

import signal
from types import FrameType
from typing import Final

from kernel_sim.host.budget import OutOfTime

AGAIN_SECONDS: Final = 0.02
"""Raised again after so long, until the thread gives up."""


class SignalTimer:
    """Raises `OutOfTime` in the main thread when the armed call has used its processor time."""

    def __init__(self) -> None:
        self._armed = False
        signal.signal(signal.SIGPROF, self._ring)

    def arm(self, seconds: float) -> None:
        """Start the clock."""
        self._armed = True
        signal.setitimer(signal.ITIMER_PROF, seconds, AGAIN_SECONDS)

    def disarm(self) -> None:
        """Stop it; a signal that is on its way is ignored."""
        self._armed = False
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _ring(self, _number: int, _frame: FrameType | None) -> None:
        if self._armed:
            raise OutOfTime
