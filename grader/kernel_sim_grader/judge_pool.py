"""Several judges at once: tasks go out to idle judges, verdicts come back in any order (Linux).

A judge that dies is replaced and its task is given out again; a task whose judges keep dying is
`Lost`. Nothing here writes a grade.
"""

import contextlib
import select
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

import msgspec

from kernel_sim_grader.frames import FrameError, receive_frame, send_frame
from kernel_sim_grader.judge import MODULE
from kernel_sim_grader.judging import judge
from kernel_sim_grader.tasks import Lost, Task, Verdict, encode, verdict_of
from kernel_sim_grader.zygote import End, Ended, Fork, Forked, Ready

MOST_DEATHS: Final = 3
"""So many judges may die of one task."""


class Pool(Protocol):
    """Where tasks are judged."""

    def verdicts(self, tasks: Iterable[Task]) -> Iterator[Verdict]:
        """One verdict for each task, as they come."""

    def close(self) -> None:
        """Stop judging, and leave nothing behind."""


class Here:
    """Judges in this process, one task after another."""

    @staticmethod
    def verdicts(tasks: Iterable[Task]) -> Iterator[Verdict]:
        """One verdict for each task, in order."""
        return map(judge, tasks)

    @staticmethod
    def close() -> None:
        """Nothing to stop; the workers' zygote is kept for the next run."""


class Judge:
    """One judge process: its channel, its process id and what it works on."""

    def __init__(self, channel: socket.socket, pid: int) -> None:
        self.channel = channel
        self.pid = pid
        self.task: Task | None = None

    def fileno(self) -> int:
        """For `select.select`."""
        return self.channel.fileno()


class JudgePool:
    """``count`` judges in processes of their own.

    Args:
        count: how many work at the same time.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._decoder = msgspec.msgpack.Decoder(Ready | Forked | Ended)
        self._judges: list[Judge] = []
        self._deaths: dict[str, int] = {}
        self._again: deque[Task] = deque()
        self._launch()

    def verdicts(self, tasks: Iterable[Task]) -> Iterator[Verdict]:
        """One verdict for each task, as they come; a judge never waits for its verdict's reader."""
        waiting = iter(tasks)
        while True:
            self._fill(waiting)
            busy = [judge for judge in self._judges if judge.task is not None]
            if not busy:
                return
            for ready in select.select(busy, [], [])[0]:
                verdict = self._take(ready)
                self._fill(waiting)
                if verdict is not None:
                    yield verdict

    def close(self) -> None:
        """End all judges and all that they started."""
        self._control.close()
        for judge_process in self._judges:
            judge_process.channel.close()
        self._judges.clear()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _fill(self, waiting: Iterator[Task]) -> None:
        """Give every idle judge a task, while there are any."""
        while (idle := self._idle()) is not None:
            task = self._again.popleft() if self._again else next(waiting, None)
            if task is None:
                return
            if idle not in self._judges:
                self._judges.append(idle)
            idle.task = task
            with contextlib.suppress(FrameError):
                send_frame(idle.channel, encode(task))

    def _idle(self) -> Judge | None:
        """A judge without a task, a new one if there are too few, None if all are busy."""
        for judge_process in self._judges:
            if judge_process.task is None:
                return judge_process
        return self._new_judge() if len(self._judges) < self.count else None

    def _take(self, ready: Judge) -> Verdict | None:
        """What a judge answers; None if it died and its task is given out again."""
        task = ready.task
        assert task is not None  # noqa: S101 - only busy judges are waited for
        ready.task = None
        try:
            return verdict_of(receive_frame(ready.channel))
        except (FrameError, msgspec.DecodeError):
            self._bury(ready)
        deaths = self._deaths[task.student] = self._deaths.get(task.student, 0) + 1
        if deaths >= MOST_DEATHS:
            return Lost(task.student, f"the grader's own process ended {deaths} times while on it")
        self._again.append(task)
        return None

    def _bury(self, dead: Judge) -> None:
        dead.channel.close()
        self._judges.remove(dead)
        self._ask(End(dead.pid))

    def _new_judge(self) -> Judge:
        """A fork of the warm process, which is started again if it was killed."""
        for _ in range(MOST_DEATHS):
            ours, theirs = socket.socketpair()
            with theirs:
                answer = self._ask(Fork(), (theirs.fileno(),))
            if isinstance(answer, Forked):
                return Judge(ours, answer.pid)
            ours.close()
            self._control.close()
            self._process.kill()
            self._process.wait()
            self._launch()
        raise RuntimeError("no judge can be forked")

    def _launch(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-P", "-m", MODULE, str(theirs.fileno())]
            self._process = subprocess.Popen(  # noqa: S603 - our own module, our own interpreter
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        if self._answer() is None:
            self.close()
            raise RuntimeError("the judges did not start; their message is above")

    def _ask(self, request: Fork | End, descriptors: tuple[int, ...] = ()) -> object:
        """The warm process's answer; None if it is gone."""
        try:
            send_frame(self._control, msgspec.msgpack.encode(request), descriptors=descriptors)
        except FrameError:
            return None
        return self._answer()

    def _answer(self) -> object:
        try:
            return self._decoder.decode(receive_frame(self._control))
        except FrameError:
            return None
