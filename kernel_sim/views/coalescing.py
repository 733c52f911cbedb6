"""Fewer messages to a view than there are changes: only what differs, at most so often a second.

Jupyter drops everything beyond 3000 messages from one cell, for good. A view that offers its bytes
on every change therefore sends a patch now and then, and the rest when the cell has ended.
"""

import time
from collections.abc import Callable
from typing import Final

PER_SECOND: Final = 30
"""Patches that are sent at most."""


def dirty_range(old: bytes, new: bytes) -> tuple[int, int] | None:
    """The smallest range ``[start, end)`` of ``new`` outside which both agree; None if they do.

    Both have the same length.
    """
    if old == new:
        return None
    start = _equal_at_start(old, new)
    end = len(new) - _equal_at_end(old, new)
    return start, end


def _equal_at_start(old: bytes, new: bytes) -> int:
    """How many leading bytes agree, by halving: comparing slices is fast."""
    low, high = 0, len(new)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if old[:middle] == new[:middle] else (low, middle - 1)
    return low


def _equal_at_end(old: bytes, new: bytes) -> int:
    """How many bytes agree at the end."""
    low, high = 0, len(new)
    while low < high:
        middle = (low + high + 1) // 2
        same = old[len(old) - middle :] == new[len(new) - middle :]
        low, high = (middle, high) if same else (low, middle - 1)
    return low


class Coalescer:
    """Decides what of a changing buffer is sent, and when.

    Args:
        send: is given the offset and the bytes of a patch.
        clock: seconds that only grow.
        per_second: patches at most.
    """

    def __init__(
        self,
        send: Callable[[int, bytes], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        per_second: int = PER_SECOND,
    ) -> None:
        self.sent_count = 0
        self._send = send
        self._clock = clock
        self._pause_seconds = 1 / per_second
        self._last_time: float | None = None
        self._shown = b""

    def begin(self, data: bytes) -> None:
        """The view shows ``data`` now, however it came to know."""
        self._shown = data

    @property
    def is_due(self) -> bool:
        """Whether a patch may be sent again."""
        now = self._clock()
        return self._last_time is None or now - self._last_time >= self._pause_seconds

    def offer(self, data: bytes) -> bool:
        """Send what has changed if a patch is due; whether one was sent."""
        return self.is_due and self.flush(data)

    def flush(self, data: bytes) -> bool:
        """Send what has changed, due or not; whether anything had."""
        if len(data) != len(self._shown):
            raise ValueError(f"{len(data)} bytes offered where {len(self._shown)} are shown")
        dirty = dirty_range(self._shown, data)
        if dirty is None:
            return False
        start, end = dirty
        self._shown = data
        self._last_time = self._clock()
        self.sent_count += 1
        self._send(start, data[start:end])
        return True
