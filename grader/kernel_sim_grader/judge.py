"""The judge processes: forks of one warm process that has imported what judging needs (Linux).

Run by the grader as ``python -m kernel_sim_grader.judge FD``. The warm process forks a judge for
each channel it is sent, as the zygote of the students' workers does, and ends them all when the
grader goes away, however that happens. All of this is trusted; students' code runs only in the
workers that each judge's own zygote forks.
"""

import contextlib
import os
import socket
import sys
from typing import Final

from kernel_sim.checks import run as checks_run
from kernel_sim.errors import InputError
from kernel_sim_grader.frames import EndOfStream, FrameError, receive_frame, send_frame
from kernel_sim_grader.grading import end_workers
from kernel_sim_grader.judging import judge
from kernel_sim_grader.tasks import Lost, Verdict, encode, task_of
from kernel_sim_grader.zygote import fork_plainly, run_zygote

MODULE: Final = "kernel_sim_grader.judge"
WARM: Final = (checks_run,)
"""Imported only to be there in every fork."""


def serve_judge(channel: int) -> None:
    """Judge what comes on the open file ``channel`` until it is closed."""
    os.closerange(3, channel)
    os.closerange(channel + 1, channel + 4096)
    connection = socket.socket(fileno=channel)
    try:
        with contextlib.suppress(EndOfStream):
            while True:
                _answer(connection)
    finally:
        end_workers()


def _answer(connection: socket.socket) -> None:
    task = task_of(receive_frame(connection))
    try:
        verdict: Verdict = judge(task)
    except InputError as error:
        verdict = Lost(task.student, str(error), refused=True)
    try:
        send_frame(connection, encode(verdict))
    except EndOfStream:
        raise
    except FrameError as error:
        send_frame(connection, encode(Lost(task.student, str(error))))


def main(arguments: list[str]) -> None:
    """Fork judges until the open file that the command line names is closed."""
    control = socket.socket(fileno=int(arguments[0]))
    run_zygote(control, lambda channel: fork_plainly(channel, serve_judge))


if __name__ == "__main__":
    main(sys.argv[1:])
