"""One at a time: whoever boots or checks holds the lock.

JupyterLab may call a widget back on a thread of its own while a cell runs. Machines, and a
student's global names, are not made for two threads.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

PATIENCE_SECONDS: Final = 2.0
"""How long a button waits for a cell that boots."""

MACHINE_LOCK: Final = threading.RLock()


class Busy(Exception):  # noqa: N818 - a state, not an error
    """Somebody else has the machine."""


@contextmanager
def machine_to_oneself(seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Hold the lock inside the ``with`` statement.

    Raises:
        Busy: somebody else held it for ``seconds``.
    """
    if not MACHINE_LOCK.acquire(timeout=seconds):
        raise Busy
    try:
        yield
    finally:
        MACHINE_LOCK.release()
