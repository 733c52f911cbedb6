"""Watching a worker while the grader waits for its answer: time, memory, further processes."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kernel_sim_grader.frames import DeadlineError

STARVED: Final = 6
"""So many times the limit a worker may take that works but gets no processor."""


class TooMuchError(Exception):
    """A worker took more than it may; the message is the student's line."""


@dataclass(slots=True)
class Watch:
    """One request's watch over the worker ``pid`` (what /proc does not tell is not watched).

    Args:
        pid: the process.
        seconds: how long the answer may take.
        resident_bytes: how much memory may be in use.
    """

    pid: int
    seconds: float
    resident_bytes: int
    started: float = field(default_factory=time.monotonic)
    used_before: float = field(init=False)

    def __post_init__(self) -> None:
        self.used_before = self._processor_seconds()[0]

    @property
    def last(self) -> float:
        """The moment past which no answer is awaited, on the clock of `time.monotonic`."""
        return self.started + STARVED * self.seconds

    def look(self) -> None:
        """Called again and again while nothing arrives.

        Raises:
            DeadlineError: the time is up.
            TooMuchError: too much memory, or another process.
        """
        if time.monotonic() - self.started > self.seconds:
            used, runs = self._processor_seconds()
            if not runs or used - self.used_before > self.seconds:
                raise DeadlineError("no answer in time")
        if self._resident() > self.resident_bytes:
            raise TooMuchError(f"more than {self.resident_bytes >> 20} MiB of memory used")
        if self._read(f"task/{self.pid}/children"):
            raise TooMuchError("the plugin started another process")

    def _processor_seconds(self) -> tuple[float, bool]:
        """Processor time of the worker so far, and whether it wants more."""
        fields = self._read("stat").rpartition(")")[2].split()
        if len(fields) < 13:
            return 0.0, False
        ticks = int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK"), fields[0] == "R"

    def _resident(self) -> int:
        fields = self._read("statm").split()
        return int(fields[1]) * os.sysconf("SC_PAGESIZE") if len(fields) > 1 else 0

    def _read(self, name: str) -> str:
        """A file of the worker's in /proc; empty where there is none."""
        try:
            return Path(f"/proc/{self.pid}/{name}").read_text(encoding="ascii", errors="replace")
        except OSError:
            return ""
