"""Where workers come from: a zygote forks them on Linux; elsewhere each is a fresh interpreter."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from kernel_sim_grader.frames import FrameError, receive_frame, send_frame
from kernel_sim_grader.isolation import Limits
from kernel_sim_grader.sandbox.modes import AUTO, Sandbox, chosen, refusal
from kernel_sim_grader.worker_process import WorkerProcess
from kernel_sim_grader.zygote import End, Ended, Fork, Forked, Ready, Refused

WORKER: Final = "kernel_sim_grader.worker"
ZYGOTE_KILLED: Final = Ended(-9, killed=False, seconds=0.0, survivors=0)
"""How a worker ended whose zygote is gone: it dies with it."""
ZygoteAnswer = Ready | Forked | Refused | Ended


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
        filtered: with walls: whether the filter of system calls is among them.

    Raises:
        InputError: submissions can't be isolated here; its line names the wall.
    """

    def __init__(
        self,
        roles: tuple[str, ...],
        limits: Limits,
        sandbox: Sandbox = "none",
        *,
        filtered: bool = True,
    ) -> None:
        self.roles = roles
        self.limits = limits
        walled = "walled" if filtered else "unfiltered"
        self._mode = walled if sandbox == AUTO else "zygote"
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
        sandbox: whether each worker gets all walls of the sandbox, or none.

    Raises:
        InputError: workers can't be isolated here.
    """
    mode = chosen(sandbox)
    if sys.platform == "linux":
        return Zygote(roles, limits or Limits(), mode)
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
