"""Judging on a Dask cluster: the same tasks, the same function, the same verdicts.

Tasks carry submissions, the seed and the released cells, and cluster workers have the hidden
checks: so the way there is TLS, plain TCP only on this very machine.
"""

import contextlib
import ipaddress
import threading
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final
from urllib.parse import urlsplit

from kernel_sim.errors import InputError
from kernel_sim_grader.grounds import grounds_digest
from kernel_sim_grader.judging import judge
from kernel_sim_grader.tasks import Lost, Task, Verdict, encode, task_of, verdict_of

TASKS_AHEAD: Final = 2
"""For each thread of the cluster: one being judged, and the next."""
CONNECT_SECONDS: Final = 20
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
        """One verdict for each task, as they come; a worker that dies is Dask's to replace."""
        from distributed import as_completed  # noqa: PLC0415 - an optional extra

        waiting = iter(tasks)
        threads = sum(self._client.nthreads().values())
        first = [self._submit(task) for task in islice(waiting, max(1, threads) * TASKS_AHEAD)]
        with self._client.as_current():
            running = as_completed(first)
        for future in running:
            for task in islice(waiting, 1):
                running.add(self._submit(task))
            yield _verdict(future)

    def close(self) -> None:
        """Leave the cluster; tasks that still run there are cancelled by that."""
        with contextlib.suppress(OSError, RuntimeError):
            self._client.close()

    def _submit(self, task: Task) -> Any:  # noqa: ANN401 - a future
        future = self._client.submit(judge_bytes, encode(task), pure=False)
        future.student = task.student
        return future


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
