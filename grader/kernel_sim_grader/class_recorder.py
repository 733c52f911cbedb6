"""What a class's verdicts are written to: gradebook, graded notebook, report, in this order."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from nbgrader.coursedir import CourseDirectory

from kernel_sim_grader.autograde_app import autograde_app
from kernel_sim_grader.class_grading import ClassFolder
from kernel_sim_grader.gradebook_url import checked_url
from kernel_sim_grader.gradebook_writer import GradebookWriter
from kernel_sim_grader.graded_folder import GradedFolders
from kernel_sim_grader.grading import is_current, read_report, report_path, write_report
from kernel_sim_grader.grounds import files_digest, grounds_digest
from kernel_sim_grader.sandbox.modes import Sandbox
from kernel_sim_grader.seeds import grading_seed, read_secret
from kernel_sim_grader.tasks import Assignment, Judged
from kernel_sim_grader.trusted import in_order_of, trusted_cells


class ClassRecorder:
    """The records of one lab.

    Args:
        folder: the submissions.
        assignment: what they are judged by.
        gradebook: open for writing.
        folders: of graded notebooks.
        coursedir: nbgrader's.
    """

    def __init__(
        self,
        folder: ClassFolder,
        assignment: Assignment,
        gradebook: GradebookWriter,
        folders: GradedFolders,
        coursedir: CourseDirectory,
    ) -> None:
        self.assignment = assignment
        self._folder = folder
        self._gradebook = gradebook
        self._folders = folders
        self._coursedir = coursedir
        self._recorded = gradebook.recorded()

    def is_done(self, student: str) -> bool:
        """Whether just these files were graded by just these checks, and all records say so."""
        folder, lab = self._folder, self._folder.lab
        files = files_digest(folder.notebook(student).parent)
        return (
            is_current(folder.course, lab, student, files, self.assignment.grounds)
            and self._folders.holds_graded(student)
            and self._agrees(student)
        )

    def _agrees(self, student: str) -> bool:
        """Whether the gradebook holds the scores of the report."""
        report = read_report(self._folder.course, self._folder.lab, student) or {}
        worth = {cell.grade_id: cell.points or 0.0 for cell in self.assignment.cells if cell.grade}
        scores = {
            check["id"]: round(
                min(1.0, check["points"] / check["max_points"]) * worth[check["id"]], 2
            )
            for check in report.get("checks", ())
            if check["id"] in worth and check["max_points"]
        }
        recorded = self._recorded.get(student, {})
        return bool(recorded) and all(recorded.get(name) == score for name, score in scores.items())

    def record(self, judged: Judged) -> None:
        """Write one verdict to gradebook, folder and report.

        Raises:
            InputError: the gradebook can't be written.
        """
        folder = self._folder
        submitted = folder.notebook(judged.student).parent
        self._gradebook.record(judged, self._coursedir.get_existing_timestamp(str(submitted)))
        self._folders.write(judged.student, judged.notebook, submitted)
        write_report(report_path(folder.course, folder.lab, judged.student), judged.report)


@contextlib.contextmanager
def recorder(folder: ClassFolder, sandbox: Sandbox, db_url: str | None) -> Iterator[ClassRecorder]:
    """The records of a lab in a built course.

    Raises:
        InputError: the lab has not been released, or the gradebook can't be opened.
    """
    url = checked_url(db_url) if db_url else None
    with autograde_app(folder.course, url) as app, GradebookWriter(app, folder.lab) as gradebook:
        book = gradebook.gradebook
        released = app.coursedir.format_path(app.coursedir.release_directory, ".", folder.lab)
        cells = gradebook.insist(lambda: trusted_cells(book, folder.lab, folder.lab))
        cells = in_order_of(cells, Path(released) / f"{folder.lab}.ipynb")
        kernelspec = gradebook.insist(lambda: book.find_notebook(folder.lab, folder.lab).kernelspec)
        seed = grading_seed(read_secret(folder.course), folder.lab)
        grounds = grounds_digest(folder.lab, seed, cells, kernelspec)
        assignment = Assignment(folder.lab, tuple(cells), kernelspec, seed, sandbox, grounds)
        yield ClassRecorder(
            folder, assignment, gradebook, GradedFolders(app, folder.lab), app.coursedir
        )
