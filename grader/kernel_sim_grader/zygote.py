"""A warm process that has imported the machine and forks one worker for each bench.

It is trusted: it never runs a student's code, and answers the grader on a control socket of its
own. It is also the parent that its workers' orphans fall back to (Linux), so that nothing a worker
started outlives it.

::

    grader ──Fork + channel──▶ zygote ──fork──▶ worker ◀──channel──▶ grader
           ◀──── Forked ─────
           ────── End ──────▶ kills the worker and all it started
           ◀──── Ended ──────

Before the first request it says that it is `Ready`, or why submissions can't be isolated.
"""

import contextlib
import gc
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from kernel_sim_grader.frames import EndOfStream, receive_with_descriptor, send_frame
from kernel_sim_grader.isolation import PR_SET_CHILD_SUBREAPER, process_control
from kernel_sim_grader.sandbox.wall_error import WallError


class Fork(msgspec.Struct, tag=True, frozen=True):
    """Fork a worker that serves the channel sent along."""


class End(msgspec.Struct, tag=True, frozen=True):
    """Kill the worker ``pid`` with all it started, and say how it ended.

    ``patience`` is how many seconds it gets to end by itself: one that closed its channel is most
    often just dying.
    """

    pid: int
    patience: float = 0.0


class Ready(msgspec.Struct, tag=True, frozen=True):
    """Workers can be asked for."""


class Refused(msgspec.Struct, tag=True, frozen=True):
    """A worker can't be isolated, so there is none; ``reason`` names the wall."""

    reason: str


class Forked(msgspec.Struct, tag=True, frozen=True):
    """A worker runs."""

    pid: int


class Ended(msgspec.Struct, tag=True, frozen=True):
    """A worker is gone.

    ``status`` is an exit status, or the negative number of the signal that ended it; ``killed``
    says that it still ran when it was asked to end; ``survivors`` counts further processes that had
    to be killed.
    """

    status: int
    killed: bool
    seconds: float
    survivors: int


def run_zygote(control: socket.socket, fork: Callable[[int], int]) -> None:
    """Serve fork requests until the grader closes ``control``.

    Args:
        control: the socket to the grader.
        fork: forks a worker that serves the channel with this number of an open file; its answer is
            the worker's process id, or a `WallError`.
    """
    process_control(PR_SET_CHILD_SUBREAPER, 1)
    gc.collect()
    gc.freeze()
    decoder = msgspec.msgpack.Decoder(Fork | End)
    workers: set[int] = set()
    with contextlib.suppress(EndOfStream):
        send_frame(control, msgspec.msgpack.encode(Ready()))
        while True:
            payload, channel = receive_with_descriptor(control)
            request = decoder.decode(payload)
            if isinstance(request, End):
                answer: Forked | Ended | Refused = _end(request, workers)
            elif channel is not None:
                answer = _start(channel, fork)
                if isinstance(answer, Forked):
                    workers.add(answer.pid)
            send_frame(control, msgspec.msgpack.encode(answer))
    _kill_orphans(set())


def refuse(control: socket.socket, reason: str) -> None:
    """Say, instead of being ready, why no worker can be isolated; to nobody if nobody listens."""
    with contextlib.suppress(EndOfStream):
        send_frame(control, msgspec.msgpack.encode(Refused(reason)))


def fork_plainly(channel: int, serve: Callable[[int], None]) -> int:
    """The process id of a new worker without walls round it; it ends when ``serve`` returns."""
    if pid := os.fork():
        return pid
    status = 1
    try:
        serve(channel)
        status = 0
    finally:
        os._exit(status)


def _start(channel: int, fork: Callable[[int], int]) -> Forked | Refused:
    try:
        return Forked(fork(channel))
    except WallError as error:
        return Refused(str(error))
    finally:
        os.close(channel)


def _end(request: End, workers: set[int]) -> Ended:
    """Kill a worker, its group and its orphans; reaped last, its number can't be another's."""
    pid = request.pid
    if pid not in workers:
        return Ended(0, killed=False, seconds=0.0, survivors=0)
    until = time.monotonic() + request.patience
    while not (ended := _is_over(pid)) and time.monotonic() < until:
        time.sleep(0.002)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    if not ended:
        os.kill(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    workers.discard(pid)
    code = os.waitstatus_to_exitcode(status)
    return Ended(code, not ended, usage.ru_utime + usage.ru_stime, _kill_orphans(workers))


def _is_over(pid: int) -> bool:
    """Whether the child ``pid`` has ended; it stays to be reaped."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_orphans(workers: set[int], seconds: float = 2.0) -> int:
    """Kill what fell back to this process, all but its ``workers``; how many there were."""
    count = 0
    until = time.monotonic() + seconds
    while (orphans := _children() - workers) and time.monotonic() < until:
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                count += 1
    return count


def _children() -> set[int]:
    pid = os.getpid()
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return set()
    return set(map(int, text.split()))
