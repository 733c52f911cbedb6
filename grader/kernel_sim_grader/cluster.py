"""Judging on a Dask cluster: the same tasks, the same function, the same verdicts.

Tasks carry submissions, the seed and the released cells, and cluster workers have the hidden
checks: so the way there is TLS, plain TCP only on this very machine.
"""

import contextlib
import ipaddress
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any, Final
from urllib.parse import urlsplit

from kernel_sim.errors import InputError
from kernel_sim_grader.grounds import grounds_digest
from kernel_sim_grader.judging import judge
from kernel_sim_grader.tasks import Lost, Task, Verdict, encode, task_of, verdict_of

TASKS_AHEAD: Final = 2
"""For each thread of the cluster: one being judged, and the next."""
CONNECT_SECONDS: Final = 20
LOOK_SECONDS: Final = 2
PATIENCE_SECONDS: Final = 60
"""So long a cluster may be without any worker: Dask does not replace one that dies as it starts."""
_judging = threading.Lock()
"""One submission at a time in each worker process: the zygote answers one asker."""


def judge_bytes(data: bytes) -> bytes:
    """On a cluster's worker: the verdict on the task in ``data``."""
    task = task_of(data)
    asked = task.assignment
    mine = grounds_digest(asked.lab, asked.seed, asked.cells, asked.kernelspec)
    verdict: Verdict
    if mine != asked.grounds:
        verdict = Lost(task.student, "a cluster worker has another version of kernel-sim")
    else:
        try:
            with _judging:
                verdict = judge(task)
        except InputError as error:
            verdict = Lost(task.student, f"on a cluster worker, {error}")
    return encode(verdict)


class ClusterPool:
    """The workers of the Dask scheduler at ``address``.

    Raises:
        InputError: the address is not safe, distributed is not installed, or nobody answers.
    """

    def __init__(self, address: str) -> None:
        refuse_unsafe(address)
        self._address = address
        try:
            from distributed import Client  # noqa: PLC0415 - an optional extra
        except ImportError:
            expected = "pip install 'kernel-sim-grader[cluster]'"
            raise InputError("--cluster needs distributed", expected=expected) from None
        try:
            self._client: Any = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, TypeError, ValueError) as error:
            problem = f"no Dask scheduler answers: {error}"
            raise InputError(problem, where=address, expected="tls://HOST:8786") from None

    def verdicts(self, tasks: Iterable[Task]) -> Iterator[Verdict]:
        """One verdict for each task, as they come; a worker that dies is Dask's to replace.

        Raises:
            InputError: there was no worker for `PATIENCE_SECONDS`.
        """
        waiting = iter(tasks)
        done: SimpleQueue[Any] = SimpleQueue()
        ahead = max(1, self._threads()) * TASKS_AHEAD
        running = {self._submit(task, done.put) for task in islice(waiting, ahead)}
        while running:
            future = self._next(done)
            running.remove(future)
            running.update(self._submit(task, done.put) for task in islice(waiting, 1))
            yield _verdict(future)

    def close(self) -> None:
        """Leave the cluster; tasks that still run there are cancelled by that."""
        with contextlib.suppress(OSError, RuntimeError):
            self._client.close()

    def _submit(self, task: Task, done: Callable[[Any], None]) -> Any:  # noqa: ANN401 - a future
        future = self._client.submit(judge_bytes, encode(task), pure=False)
        future.student = task.student
        future.add_done_callback(done)
        return future

    def _next(self, done: "SimpleQueue[Any]") -> Any:  # noqa: ANN401 - a future
        """The next task that is done, while there is somebody to do it."""
        alive = time.monotonic()
        while True:
            try:
                return done.get(timeout=LOOK_SECONDS)
            except Empty:
                if self._threads():
                    alive = time.monotonic()
                elif time.monotonic() - alive > PATIENCE_SECONDS:
                    problem = f"the cluster has had no worker for {PATIENCE_SECONDS:g} s"
                    expected = "dask worker on a machine; then grade again: what is judged is kept"
                    raise InputError(problem, where=self._address, expected=expected) from None

    def _threads(self) -> int:
        return sum(self._client.nthreads().values())


def _verdict(future: Any) -> Verdict:  # noqa: ANN401 - a future
    error = future.exception()
    if error is not None:
        return Lost(future.student, f"the cluster gave it up: {type(error).__name__}: {error}")
    return verdict_of(future.result())


def refuse_unsafe(address: str) -> None:
    """Refuse an address on which others could read tasks.

    Raises:
        InputError: it is neither TLS nor this machine's own.
    """
    parts = urlsplit(address)
    if parts.scheme == "tls" and parts.hostname:
        return
    if parts.scheme == "tcp" and parts.hostname and _is_loopback(parts.hostname):
        return
    problem = "tasks carry seeds, so the way to a cluster has to be TLS"
    raise InputError(problem, where=address, expected="tls://HOST:PORT")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
