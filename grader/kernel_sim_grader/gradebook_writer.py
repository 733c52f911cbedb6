"""The one writer to nbgrader's gradebook: one transaction for each submission, all of it or none.

What it writes is what ``nbgrader autograde`` would have written: the student, the submission with a
grade for each graded cell and a comment for each answer, scores, remarks and late penalties. A
writer that finds the gradebook locked or its connection lost waits and tries again; as a
transaction only ever sets a submission to its verdict, one that was done twice is done once.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from nbgrader.api import (
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    MissingEntry,
    Notebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy import make_url, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import aliased

from kernel_sim.errors import InputError
from kernel_sim_grader.gradebook_url import safe
from kernel_sim_grader.tasks import Judged

T = TypeVar("T")
PAUSES: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between attempts: half a minute for a server that starts again."""


class GradebookWriter:
    """An open gradebook in which ``lab`` has been released.

    Args:
        app: nbgrader's autograde application, for its settings.
        lab: the assignment.

    Raises:
        InputError: the gradebook can't be opened, or knows no such assignment.
    """

    def __init__(self, app: Any, lab: str) -> None:  # noqa: ANN401 - nbgrader has no types
        self._app = app
        self._lab = lab
        self._url = safe(app.coursedir.db_url)
        self._refuse_missing_file(app.coursedir.db_url)
        try:
            self.gradebook = Gradebook(app.coursedir.db_url, app.coursedir.course_id)
        except SQLAlchemyError as error:
            problem = f"the gradebook can't be opened: {_line(error)}"
            raise InputError(problem, where=self._url) from None
        self._db = self.gradebook.db
        try:
            self._assignment_id = self.insist(lambda: self.gradebook.find_assignment(lab).id)
            self._notebooks = self.insist(self._structure)
        except MissingEntry:
            self.gradebook.close()
            raise self._not_released() from None
        except InputError:
            self.gradebook.close()
            raise

    def _refuse_missing_file(self, url: str) -> None:
        """Refuse a file that is not there: to open it would make it."""
        path = make_url(url).database
        if url.startswith("sqlite") and path and not Path(path).is_file():
            raise self._not_released()

    def _not_released(self) -> InputError:
        problem = f"{self._lab} has not been released into this gradebook"
        return InputError(problem, where=self._url, expected=f"ksim course release {self._lab}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.gradebook.close()

    def _structure(self) -> dict[str, tuple[list[str], list[str]]]:
        """Notebook id → ids of the cells that get a grade, and of those that get a comment."""
        found = self._db.scalars(select(Notebook).filter_by(assignment_id=self._assignment_id))
        return {
            notebook.id: (
                [cell.id for cell in (*notebook.grade_cells, *notebook.task_cells)],
                [cell.id for cell in (*notebook.solution_cells, *notebook.task_cells)],
            )
            for notebook in found
        }

    def recorded(self) -> dict[str, dict[str, float | None]]:
        """Student → grade id → points by checks, as they stand in the gradebook."""
        cell = aliased(BaseCell, flat=True)
        query = (
            select(SubmittedAssignment.student_id, cell.name, Grade.auto_score)
            .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
            .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
            .join(cell, cell.id == Grade.cell_id)
            .where(SubmittedAssignment.assignment_id == self._assignment_id)
            .where(Notebook.name == self._lab)
        )
        grades: dict[str, dict[str, float | None]] = {}
        for student, name, score in self.insist(lambda: self._db.execute(query).all()):
            grades.setdefault(student, {})[name] = score
        return grades

    def record(self, judged: Judged, timestamp: Any = None) -> None:  # noqa: ANN401 - a datetime
        """Write one verdict, whole.

        Raises:
            InputError: the gradebook can't be written for half a minute.
        """

        def write() -> None:
            self._write(judged, timestamp)
            self._db.commit()

        self.insist(write, "written")

    def insist(self, action: Callable[[], T], done: str = "read") -> T:
        """What ``action`` gives, which asks the gradebook; it is tried again if that fails.

        Raises:
            InputError: the gradebook can't be read or written for half a minute.
        """
        for pause in PAUSES:
            try:
                return self._tried(action)
            except DBAPIError:
                time.sleep(pause)
        try:
            return self._tried(action)
        except DBAPIError as error:
            problem = f"the gradebook can't be {done}: {_line(error)}"
            raise InputError(problem, where=self._url) from None

    def _tried(self, action: Callable[[], T]) -> T:
        try:
            return action()
        finally:
            self._db.remove()

    def _write(self, judged: Judged, timestamp: Any) -> None:  # noqa: ANN401 - a datetime
        submission = self._submission(judged.student)
        if timestamp is not None:
            submission.timestamp = timestamp
        notebook = self._notebook(submission)
        self._set_grades(notebook, judged)
        self._set_comments(notebook, judged.comments)
        self._db.flush()
        self._penalize(submission, notebook, judged.student)

    def _submission(self, student: str) -> Any:  # noqa: ANN401 - nbgrader's
        """The student's submission, made with everything below it unless it is there."""
        if self._db.get(Student, student) is None:
            self._db.add(Student(id=student))
        found = self._db.scalars(
            select(SubmittedAssignment).filter_by(
                assignment_id=self._assignment_id, student_id=student
            )
        ).one_or_none()
        return found or self._new_submission(student)

    def _new_submission(self, student: str) -> Any:  # noqa: ANN401 - nbgrader's
        submission = SubmittedAssignment(assignment_id=self._assignment_id, student_id=student)
        self._db.add(submission)
        self._db.flush()
        for notebook_id, (graded, commented) in self._notebooks.items():
            notebook = SubmittedNotebook(notebook_id=notebook_id, assignment_id=submission.id)
            self._db.add(notebook)
            self._db.flush()
            self._db.add_all(Grade(cell_id=cell, notebook_id=notebook.id) for cell in graded)
            self._db.add_all(Comment(cell_id=cell, notebook_id=notebook.id) for cell in commented)
        self._db.flush()
        return submission

    def _notebook(self, submission: Any) -> Any:  # noqa: ANN401 - nbgrader's
        query = select(SubmittedNotebook).join(Notebook).filter(Notebook.name == self._lab)
        return self._db.scalars(
            query.filter(SubmittedNotebook.assignment_id == submission.id)
        ).one()

    def _set_grades(self, notebook: Any, judged: Judged) -> None:  # noqa: ANN401 - nbgrader's
        """As nbgrader has it: a person looks at what has no score or had one by hand.

        Here also at what could not be checked.
        """
        for grade, name in self._named(Grade, notebook):
            if name in judged.grades:
                grade.auto_score = score = judged.grades[name]
                by_hand = score is None or grade.manual_score is not None
                grade.needs_manual_grade = by_hand or name in judged.broken

    def _set_comments(self, notebook: Any, comments: Mapping[str, str | None]) -> None:  # noqa: ANN401
        for comment, name in self._named(Comment, notebook):
            if name in comments:
                comment.auto_comment = comments[name]

    def _named(self, kind: Any, notebook: Any) -> Any:  # noqa: ANN401 - nbgrader's
        """The notebook's grades or comments with the names of their cells."""
        cell = aliased(BaseCell, flat=True)
        query = select(kind, cell.name).join(cell, cell.id == kind.cell_id)
        return self._db.execute(query.where(kind.notebook_id == notebook.id)).all()

    def _penalize(self, submission: Any, notebook: Any, student: str) -> None:  # noqa: ANN401
        """Let the course's late-submission plugin decide, as nbgrader's stage does."""
        notebook.late_submission_penalty = None
        seconds = submission.total_seconds_late
        if seconds <= 0:
            return
        stage = AssignLatePenalties(parent=self._app)
        stage.init_plugin()
        self._db.refresh(notebook, ["score"])
        penalty = stage.plugin_inst.late_submission_penalty(student, notebook.score, seconds)
        if penalty is not None:
            notebook.late_submission_penalty = stage._check_late_penalty(notebook, penalty)  # noqa: SLF001


def _line(error: Exception) -> str:
    """The first line of the database's own message."""
    words = str(getattr(error, "orig", None) or error).splitlines()
    return words[0] if words else type(error).__name__
