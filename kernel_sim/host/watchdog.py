"""The time budget where there are threads: one raises `OutOfTime` in that which runs a hook.

Arming is two assignments, since allocators are hot. The watchdog looks every 20 ms; a call that it
sees twice with the same token is running, and it adds up that thread's processor time. It raises
again at each look until the thread gives up, so that ``except BaseException`` in a loop does not
help. The thread ends after a second of rest.
"""

import ctypes
import threading
import time
from typing import Final

from kernel_sim.host.budget import OutOfTime
from kernel_sim.host.insistence import Insistent, give_up

LOOK_SECONDS: Final = 0.02
REST_SECONDS: Final = 1.0


class Watchdog:
    """Watches any number of threads, one armed call in each."""

    def __init__(self) -> None:
        self._calls: dict[int, tuple[int, float]] = {}
        self._count = 0
        self._raised: set[int] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def arm(self, seconds: float) -> None:
        """Give the calling thread ``seconds`` of processor time from about now."""
        self._count += 1
        self._calls[threading.get_ident()] = (self._count, seconds)
        if self._thread is None or not self._thread.is_alive():
            self._start()

    def disarm(self) -> None:
        """Take the calling thread's limit away, and a pending `OutOfTime` with it.

        A pending one is met here instead of being taken back: CPython 3.11 goes on looking for an
        exception that was taken back, and traces nothing meanwhile.
        """
        thread = threading.get_ident()
        with self._lock:
            self._calls.pop(thread, None)
            raised = thread in self._raised
        if raised:
            _meet_pending(thread)
            self._raised.discard(thread)
            give_up(thread)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._watch, name="hook budget", daemon=True)
                self._thread.start()

    def _watch(self) -> None:
        since: dict[int, tuple[int, float]] = {}
        rested = 0.0
        while rested < REST_SECONDS or not self._retire():
            time.sleep(LOOK_SECONDS)
            calls = dict(self._calls)
            rested = 0.0 if calls else rested + LOOK_SECONDS
            since = {
                thread: self._look(thread, *call, since.get(thread))
                for thread, call in calls.items()
            }

    def _look(
        self, thread: int, token: int, seconds: float, seen: tuple[int, float] | None
    ) -> tuple[int, float]:
        """Raise in ``thread`` if its call has used its time.

        The token and when it was first seen.
        """
        now = _processor_time(thread)
        if seen is None or seen[0] != token:
            return token, now
        if now - seen[1] >= seconds:
            with self._lock:
                if self._calls.get(thread, (0, 0.0))[0] == token:
                    _raise_in(thread, Insistent if thread in self._raised else OutOfTime)
                    self._raised.add(thread)
        return seen

    def _retire(self) -> bool:
        """Whether the watching thread may end: nobody has armed meanwhile.

        The order matters: `arm` writes its call before it reads ``_thread``.
        """
        with self._lock:
            self._thread = None
            if self._calls:
                self._thread = threading.current_thread()
                return False
            return True


def _processor_time(thread: int) -> float:
    """Processor seconds of ``thread``; of the process where threads have no clock of their own."""
    if hasattr(time, "pthread_getcpuclockid"):
        try:
            return time.clock_gettime(time.pthread_getcpuclockid(thread))
        except OSError:
            return time.process_time()
    return time.process_time()


def _meet_pending(thread: int) -> None:
    """Raise in the calling ``thread`` and catch: there is room for one exception, this one."""
    try:
        _raise_in(thread, OutOfTime)
        while True:
            pass
    except OutOfTime:
        return


def _raise_in(thread: int, error: type[BaseException]) -> None:
    """Make ``thread`` raise ``error`` at one of its next bytecodes."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))


WATCHDOG: Final = Watchdog()
"""The one watchdog of this process."""
