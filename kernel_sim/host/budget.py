"""What a hook may use: so many events, and so much processor time."""

import sys
from dataclasses import dataclass
from typing import Final, Protocol

from kernel_sim.errors import BudgetExceeded

LINES_PER_SECOND: Final = 300_000
"""Python lines that stand for a second where only lines can be counted."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one call of a hook by the kernel, the hooks that it calls included.

    ``events`` counts trace events and gives the same result on every machine; ``seconds`` is
    processor time of the thread, None for no limit, as in a worker that is killed from outside.
    ``timer`` keeps the time where the process has a way of its own, as a worker that may start no
    thread; None takes the platform's.
    """

    events: int = 200_000
    seconds: float | None = 10.0
    timer: "Timer | None" = None


class OutOfTime(BudgetExceeded):
    """The processor-time budget is used up. Raised without arguments into a running thread."""

    def __init__(self, what: str = "seconds", limit: float = 0.0) -> None:
        super().__init__(what, limit)


class Timer(Protocol):
    """Stops the calling thread with `OutOfTime` unless disarmed in time."""

    def arm(self, seconds: float) -> None:
        """Start the clock for the calling thread."""

    def disarm(self) -> None:
        """Stop it; afterwards nothing is raised any more. Calling it twice is harmless."""


class NoTimer:
    """No limit of time."""

    def arm(self, seconds: float) -> None:
        """Do nothing."""

    def disarm(self) -> None:
        """Do nothing."""


def timer(budget: Budget) -> Timer:
    """The timer for ``budget``: a watchdog thread, or line counts in the browser."""
    if budget.seconds is None:
        return NoTimer()
    if budget.timer is not None:
        return budget.timer
    if sys.platform == "emscripten":
        from kernel_sim.host.line_counter import LineCounter  # noqa: PLC0415 - browser only

        return LineCounter()
    from kernel_sim.host.watchdog import WATCHDOG  # noqa: PLC0415 - starts no thread until armed

    return WATCHDOG
