"""What is to be judged and what came of it: plain data that crosses to processes and machines."""

from typing import Final

import msgspec

from kernel_sim_grader.sandbox.modes import Sandbox
from kernel_sim_grader.submission import TrustedCell


class Assignment(msgspec.Struct, frozen=True):
    """What all submissions of one lab are judged by.

    Args:
        lab: the assignment, and the name of its notebook.
        cells: the released notebook's graded cells, in its order.
        kernelspec: the released notebook's, as JSON; None if it names none.
        seed: of the checks' generators.
        sandbox: what stands round each submission.
        grounds: digest of all that decides a grade but the submission.
    """

    lab: str
    cells: tuple[TrustedCell, ...]
    kernelspec: str | None
    seed: int
    sandbox: Sandbox
    grounds: str


class Task(msgspec.Struct, frozen=True):
    """One submission to judge.

    Args:
        assignment: what it is judged by.
        student: whose it is.
        data: the submitted file; one byte too many when it is too long.
        unreadable: why the file could not be read; empty when it could.
        files: digest of everything that was handed in.
    """

    assignment: Assignment
    student: str
    data: bytes
    unreadable: str
    files: str


class Judged(msgspec.Struct, tag=True, frozen=True):
    """A submission's verdict, ready to be recorded.

    Args:
        student: whose it is.
        score: points by checks.
        max_score: what checks can give.
        reason: a line about the submission as a whole, where something was wrong with it.
        seconds: that judging took, from reading to the graded notebook.
        check_seconds: of these, the checks'.
        notebook: the graded notebook, as text.
        report: the full report, as JSON text.
        grades: grade id → points, or None where a person decides.
        comments: grade id of an answer → nbgrader's remark on it.
        broken: grade ids that could not be checked, by no fault of the student's.
    """

    student: str
    score: float
    max_score: float
    reason: str
    seconds: float
    check_seconds: float
    notebook: str
    report: str
    grades: dict[str, float | None]
    comments: dict[str, str | None]
    broken: list[str]


class Lost(msgspec.Struct, tag=True, frozen=True):
    """A submission without a verdict, by no fault of the student's.

    ``reason`` is one line; ``refused`` says that no submission can be isolated where it was judged.
    """

    student: str
    reason: str
    refused: bool = False


Verdict = Judged | Lost
_task: Final = msgspec.msgpack.Decoder(Task)
_verdict: Final = msgspec.msgpack.Decoder(Judged | Lost)
encode: Final = msgspec.msgpack.encode


def task_of(data: bytes) -> Task:
    """The task in ``data``."""
    return _task.decode(data)


def verdict_of(data: bytes) -> Verdict:
    """The verdict in ``data``.

    Raises:
        msgspec.DecodeError: there is none.
    """
    verdict: Verdict = _verdict.decode(data)
    return verdict
