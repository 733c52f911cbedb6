"""A worker process as the grader holds it: spoken to under a deadline, and always ended."""

import signal
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Self

from kernel_sim_grader.frames import (
    DeadlineError,
    EndOfStream,
    FrameError,
    has_input,
    receive_frame,
    send_frame,
)
from kernel_sim_grader.isolation import Limits
from kernel_sim_grader.watch import TooMuchError, Watch
from kernel_sim_grader.zygote import Ended


class WorkerDied(Exception):  # noqa: N818 - an outcome of the student's code, no error of ours
    """A worker is gone or had to be ended.

    Args:
        cause: the student's line.
        slow: whether it had used all the time there was.
        killed: whether a signal ended it that may have come from anywhere on this machine.
    """

    def __init__(self, cause: str, *, slow: bool = False, killed: bool = False) -> None:
        super().__init__(cause)
        self.slow = slow
        self.killed = killed


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
            name = _signal_name(-ended.status)
            return WorkerDied(f"the worker was ended by signal {name}", killed=True)
        if ended.status == 0:
            return WorkerDied("the plugin ended the process, or closed its channel")
        return WorkerDied(f"the plugin ended the process with status {ended.status}")

    def _spent(self) -> WorkerDied:
        """The worker was ended by the limit on processor time.

        As the first process of its namespace it is sent no SIGXCPU, only the SIGKILL after it.
        """
        cause = f"more than {self.limits.cpu_seconds} seconds of processor time used"
        return WorkerDied(f"{cause}: does a loop never end?", slow=True)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
