"""Grade a class: everything in ``submitted/`` that is missing or changed.

::

    submitted/ ─▶ tasks ─▶ judges (this process, others, or a cluster) ─▶ verdicts ─▶ one writer
                                                                          gradebook, then notebook,
                                                                          then report

A submission counts as graded when its report, which is written last, speaks of just these files
and just these checks, and notebook and gradebook bear it out. So grading can be ended at any
moment, and what is done next time is exactly the rest. One submission that can't be graded is
listed with its reason; the others go on.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from kernel_sim.errors import InputError
from kernel_sim_grader.grading import lab_facts, workers
from kernel_sim_grader.grounds import files_digest
from kernel_sim_grader.sandbox.modes import NONE, Sandbox, told
from kernel_sim_grader.submission import UnreadableError, read_file
from kernel_sim_grader.tasks import Assignment, Judged, Lost, Task, Verdict

CONFIG_FILE: Final = "nbgrader_config.py"


@dataclass(frozen=True, slots=True)
class Graded:
    """One graded submission; ``reason`` says in a line what was wrong with it as a whole."""

    student: str
    score: float
    max_score: float
    seconds: float
    reason: str = ""


@dataclass(slots=True)
class ClassResult:
    """What grading a class did.

    ``errored`` lists students without a grade, with the reason; ``sandbox`` is "namespaces" when
    every wall stood round each submission, "none" when none did.
    """

    lab: str
    graded: list[Graded] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    errored: list[dict[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    sandbox: str = NONE

    def as_json(self) -> dict[str, Any]:
        """The result as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ClassFolder:
    """Where the submissions of one lab lie: ``STUDENT/LAB/LAB.ipynb`` below `submitted`.

    ``elsewhere`` is a folder of submissions that is not the course's own.
    """

    course: Path
    lab: str
    elsewhere: Path | None = None

    @property
    def submitted(self) -> Path:
        """The folder of submissions."""
        return self.elsewhere or self.course / "submitted"

    def notebook(self, student: str) -> Path:
        """What ``student`` has to hand in."""
        return self.submitted / student / self.lab / f"{self.lab}.ipynb"

    def students(self) -> list[str]:
        """Who has handed something in, in order.

        Raises:
            InputError: the folder is no built course, or nobody has.
        """
        if not (self.course / CONFIG_FILE).is_file():
            where = str(self.course)
            raise InputError("is no built course", where=where, expected="ksim course build")
        found = sorted(path.parent.name for path in self.submitted.glob(f"*/{self.lab}"))
        if not found:
            problem, expected = f"no submissions of {self.lab}", f"STUDENT/{self.lab}/"
            raise InputError(problem, where=str(self.submitted), expected=expected)
        return found


@dataclass(frozen=True, slots=True)
class Means:
    """Where a class is judged, and where its grades go.

    Args:
        jobs: how many submissions are judged at the same time.
        cluster: the address of a Dask scheduler whose workers judge; None judges here.
        db_url: another gradebook than the course's own.
    """

    jobs: int = 1
    cluster: str | None = None
    db_url: str | None = None


HERE: Final = Means()
"""In this process, into the course's own gradebook."""


def grade_class(
    folder: ClassFolder,
    means: Means = HERE,
    *,
    sandbox: Sandbox = "auto",
    force: bool = False,
    on_done: Callable[[str], None] = lambda _: None,
) -> ClassResult:
    """Grade what is missing or changed.

    Args:
        folder: a built course in which the lab has been released.
        means: where it is judged and recorded.
        sandbox: whether each submission gets all walls of the sandbox, or none.
        force: grade what has not changed, too.
        on_done: called with each student as it is done.

    Raises:
        InputError: the folder is no built course, or holds no submission; or submissions can't be
            isolated here: then nothing is graded.
    """
    from kernel_sim_grader.class_recorder import recorder  # noqa: PLC0415 - imports nbgrader
    from kernel_sim_grader.pools import pool_for  # noqa: PLC0415 - may import distributed

    started = time.monotonic()
    names = folder.students()
    result = ClassResult(folder.lab, sandbox=told(sandbox))
    roles = tuple(lab_facts(folder.lab)["roles"])
    if means.cluster is None:
        workers(roles, sandbox)
    with recorder(folder, sandbox, means.db_url) as book:
        todo = []
        for student in names:
            problem = _nothing_there(folder.notebook(student))
            if problem:
                result.errored.append({"student": student, "reason": problem})
            elif not force and book.is_done(student):
                result.skipped.append(student)
            else:
                todo.append(student)
                continue
            on_done(student)
        with pool_for(means, len(todo)) as pool:
            for verdict in pool.verdicts(_tasks(folder, book.assignment, todo)):
                _take(verdict, book.record, result)
                on_done(verdict.student)
    result.graded.sort(key=lambda item: item.student)
    result.errored.sort(key=lambda item: item["student"])
    result.seconds = round(time.monotonic() - started, 3)
    return result


def _tasks(folder: ClassFolder, assignment: Assignment, students: list[str]) -> Iterator[Task]:
    for student in students:
        path = folder.notebook(student)
        data, unreadable = b"", ""
        try:
            data = read_file(path)
        except UnreadableError as error:
            unreadable = str(error)
        yield Task(assignment, student, data, unreadable, files_digest(path.parent))


def _take(verdict: Verdict, record: Callable[[Judged], None], result: ClassResult) -> None:
    """Record a verdict, and list it."""
    if isinstance(verdict, Lost):
        if verdict.refused:
            raise InputError(verdict.reason)
        result.errored.append({"student": verdict.student, "reason": verdict.reason})
        return
    record(verdict)
    scores = verdict.score, verdict.max_score
    graded = Graded(verdict.student, *scores, round(verdict.seconds, 3), verdict.reason)
    result.graded.append(graded)


def _nothing_there(path: Path) -> str:
    """What is in the place of a missing notebook; empty if it is there."""
    if path.is_file():
        return ""
    others = ", ".join(sorted(other.name for other in path.parent.iterdir())[:3])
    return f"no {path.name}" + (f"; there is {others}" if others else "; the folder is empty")
