"""Worker processes as the grader holds them: started, spoken to under a deadline, and always ended.

On Linux a `Zygote` forks them; elsewhere each is a fresh interpreter.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Final, Protocol, Self

import msgspec

from kernel_sim_grader.frames import (
    DeadlineError,
    EndOfStream,
    FrameError,
    has_input,
    receive_frame,
    send_frame,
)
from kernel_sim_grader.isolation import Limits
from kernel_sim_grader.sandbox.modes import AUTO, Sandbox, refusal
from kernel_sim_grader.watch import TooMuchError, Watch
from kernel_sim_grader.zygote import End, Ended, Fork, Forked, Ready, Refused

WORKER: Final = "kernel_sim_grader.worker"
ZYGOTE_KILLED: Final = Ended(-9, killed=False, seconds=0.0, survivors=0)
"""How a worker ended whose zygote is gone: it dies with it."""


ZygoteAnswer = Ready | Forked | Refused | Ended


class WorkerDied(Exception):  # noqa: N818 - an outcome of the student's code, no error of ours
    """A worker is gone or had to be ended.

    Args:
        cause: the student's line.
        slow: whether it had used all the time there was.
    """

    def __init__(self, cause: str, *, slow: bool = False) -> None:
        super().__init__(cause)
        self.slow = slow


class WorkerProcess:
    """One worker and its channel; a request that fails in any way ends it.

    Args:
        channel: the grader's end.
        pid: the process.
        end: kills the process with all it started and says how it ended; its argument is how many
            seconds to wait for an end of its own.
        limits: what the worker may use.
    """

    def __init__(
        self, channel: socket.socket, pid: int, end: Callable[[float], Ended], limits: Limits
    ) -> None:
        self.pid = pid
        self.limits = limits
        self.ended: Ended | None = None
        self._channel = channel
        self._end = end

    def request(self, payload: bytes, seconds: float, descriptors: tuple[int, ...] = ()) -> bytes:
        """The worker's answer to one request, awaited for ``seconds``.

        On a busy machine a worker that works, and has had less than ``seconds`` of processor time,
        gets several times as long: a slow neighbour is no fault of the plugin's.

        Raises:
            WorkerDied: the worker ended, kept silent too long, or sent what is no answer.
        """
        if self.ended is not None:
            raise WorkerDied("the worker has ended before")
        watch = Watch(self.pid, seconds, self.limits.resident_bytes)
        try:
            if has_input(self._channel):
                self._refuse_early_answer()
            send_frame(self._channel, payload, deadline=watch.last, descriptors=descriptors)
            return receive_frame(self._channel, deadline=watch.last, while_waiting=watch.look)
        except EndOfStream:
            raise self._death(self.end(patience=1.0)) from None
        except DeadlineError:
            self.end()
            cause = f"no answer within {seconds:g} seconds: does it wait for something?"
            raise WorkerDied(cause, slow=True) from None
        except TooMuchError as error:
            self.end()
            raise WorkerDied(str(error)) from None
        except FrameError as error:
            self.end()
            raise WorkerDied(f"the worker broke the protocol: {error}") from None

    def end(self, patience: float = 0.0) -> Ended:
        """Kill the worker with all it started; how it ended. Further calls change nothing."""
        if self.ended is None:
            self._channel.close()
            self.ended = self._end(patience)
        return self.ended

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    def _refuse_early_answer(self) -> None:
        """Bytes that come before they were asked for are forged, or the end."""
        if self._channel.recv(1, socket.MSG_PEEK):
            raise FrameError("it answered before it was asked")
        raise EndOfStream("the connection is closed")

    def _death(self, ended: Ended) -> WorkerDied:
        if ended.killed:
            return WorkerDied("the plugin closed the worker's channel")
        if ended.status == -getattr(signal, "SIGXCPU", 0):
            return self._spent()
        if ended.status == -9 and ended.seconds >= self.limits.cpu_seconds:
            return self._spent()
        if ended.status < 0:
            return WorkerDied(f"the worker was ended by signal {_signal_name(-ended.status)}")
        if ended.status == 0:
            return WorkerDied("the plugin ended the process, or closed its channel")
        return WorkerDied(f"the plugin ended the process with status {ended.status}")

    def _spent(self) -> WorkerDied:
        """The worker was ended by the limit on processor time.

        As the first process of its namespace it is sent no SIGXCPU, only the SIGKILL after it.
        """
        cause = f"more than {self.limits.cpu_seconds} seconds of processor time used"
        return WorkerDied(f"{cause}: does a loop never end?", slow=True)


class WorkerSource(Protocol):
    """Where workers come from."""

    def start(self) -> WorkerProcess:
        """A new worker that has loaded nothing yet."""

    def close(self) -> None:
        """End everything that was started."""


class Zygote:
    """The fork server of one lab (Linux). One that was killed is started again at the next fork.

    Args:
        roles: the graded roles, whose references a worker can't import.
        limits: what a worker may use.
        sandbox: whether each worker gets all walls of the sandbox, or none.

    Raises:
        InputError: submissions can't be isolated here; its line names the wall.
    """

    def __init__(
        self, roles: tuple[str, ...], limits: Limits, sandbox: Sandbox = "none"
    ) -> None:
        self.roles = roles
        self.limits = limits
        self._mode = "walled" if sandbox == AUTO else "zygote"
        self._decoder = msgspec.msgpack.Decoder(Ready | Forked | Refused | Ended)
        self._launch()

    def _launch(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, our own interpreter
                worker_command(self._mode, theirs.fileno(), self.roles, self.limits),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )
        answer = self._answer()
        if not isinstance(answer, Ready):
            self.close()
            raise _refusal(answer)

    def start(self) -> WorkerProcess:
        """A fork of the zygote.

        Raises:
            InputError: it can't be isolated.
        """
        for _ in range(2):
            ours, theirs = socket.socketpair()
            with theirs:
                answer = self._ask(Fork(), (theirs.fileno(),))
            if isinstance(answer, Forked):
                return WorkerProcess(ours, answer.pid, self._ending(answer.pid), self.limits)
            ours.close()
            if isinstance(answer, Refused):
                raise refusal(answer.reason)
            self.close()
            self._launch()
        raise RuntimeError("no worker can be forked")

    def _ending(self, pid: int) -> Callable[[float], Ended]:
        """A function that ends the worker ``pid``, or says that zygote and worker were killed."""
        control = self._control

        def end(patience: float) -> Ended:
            answer = self._ask(End(pid, patience)) if control is self._control else None
            return answer if isinstance(answer, Ended) else ZYGOTE_KILLED

        return end

    def close(self) -> None:
        """End the zygote and every worker it forked."""
        self._control.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(self, request: Fork | End, descriptors: tuple[int, ...] = ()) -> ZygoteAnswer | None:
        """The zygote's answer; None if it is gone."""
        try:
            send_frame(self._control, msgspec.msgpack.encode(request), descriptors=descriptors)
        except FrameError:
            return None
        return self._answer()

    def _answer(self) -> ZygoteAnswer | None:
        """What the zygote says next; None if it is gone."""
        try:
            answer: ZygoteAnswer = self._decoder.decode(receive_frame(self._control))
        except FrameError:
            return None
        return answer


def _refusal(answer: object) -> Exception:
    """The error of a zygote that is not ready."""
    if isinstance(answer, Refused):
        return refusal(answer.reason)
    return RuntimeError("the worker's side did not start; its message is above")


class Spawner:
    """Workers as fresh interpreters, where there is no Linux to fork on.

    Args:
        roles: the graded roles, whose references a worker can't import.
        limits: what a worker may use.
    """

    def __init__(self, roles: tuple[str, ...], limits: Limits) -> None:
        self.roles = roles
        self.limits = limits
        self._running: list[WorkerProcess] = []

    def start(self) -> WorkerProcess:
        """A new interpreter that serves one channel."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = self._popen(theirs)

        def end(patience: float) -> Ended:
            return _end_process(process, patience)

        worker = WorkerProcess(ours, process.pid, end, self.limits)
        self._running = [other for other in self._running if other.ended is None] + [worker]
        return worker

    def close(self) -> None:
        """End all workers."""
        for worker in self._running:
            worker.end()

    def _popen(self, theirs: socket.socket) -> "subprocess.Popen[bytes]":
        if sys.platform == "win32":
            command = worker_command("shared", 0, self.roles, self.limits)
            process = subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603
            assert process.stdin is not None  # noqa: S101 - asked for one line above
            process.stdin.write(theirs.share(process.pid))
            process.stdin.close()
            return process
        command = worker_command("worker", theirs.fileno(), self.roles, self.limits)
        return subprocess.Popen(  # noqa: S603 - our own module, our own interpreter
            command,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )


def worker_command(mode: str, descriptor: int, roles: tuple[str, ...], limits: Limits) -> list[str]:
    """The command line that starts the worker's side: a zygote, or one worker."""
    options = msgspec.json.encode(limits).decode()
    return [sys.executable, "-P", "-m", WORKER, mode, str(descriptor), ",".join(roles), options]


def worker_source(
    roles: tuple[str, ...], limits: Limits | None = None, sandbox: Sandbox = "none"
) -> WorkerSource:
    """The platform's source of workers.

    Args:
        roles: the graded roles.
        limits: what a worker may use; else the usual.
        sandbox: "auto" only where `kernel_sim_grader.sandbox.modes.chosen` allows it.

    Raises:
        InputError: workers can't be isolated here.
    """
    if sys.platform == "linux":
        return Zygote(roles, limits or Limits(), sandbox)
    return Spawner(roles, limits or Limits())


def _end_process(process: "subprocess.Popen[bytes]", patience: float) -> Ended:
    killed = False
    try:
        process.wait(patience or 0.001)
    except subprocess.TimeoutExpired:
        killed = True
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    return Ended(process.wait(), killed, 0.0, 0)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
