"""A student's graded folder, as nbgrader lays it out: made beside its place, then moved there.

::

    autograded/STUDENT/LAB/    the graded notebook, and what else was handed in
"""

import os
import shutil
from pathlib import Path
from typing import Any

from nbgrader.utils import find_all_files, rmtree

from kernel_sim_grader.graded_notebook import SUMMARY_ID


class GradedFolders:
    """The graded folders of one lab.

    Args:
        app: nbgrader's autograde application, for its settings.
        lab: the assignment.
    """

    def __init__(self, app: Any, lab: str) -> None:  # noqa: ANN401 - nbgrader has no types
        from nbgrader.converters import Autograde  # noqa: PLC0415 - costs a second

        self._coursedir = app.coursedir
        self._converter = Autograde(coursedir=app.coursedir, parent=app)
        self._lab = lab

    def holds_graded(self, student: str) -> bool:
        """Whether the student's graded notebook is there, with the reports in it."""
        path = self._place(student) / f"{self._lab}.ipynb"
        return path.is_file() and SUMMARY_ID.encode() in path.read_bytes()

    def write(self, student: str, notebook: str, submitted: Path) -> None:
        """Put the graded notebook, and what else was handed in, in the place of what is there.

        Args:
            student: whose it is.
            notebook: the graded notebook's text.
            submitted: the folder that was handed in.
        """
        place = self._place(student)
        draft = place.with_name(f".{place.name}.part")
        if draft.exists():
            rmtree(str(draft))
        draft.mkdir(parents=True)
        self._copy(submitted, draft, ())
        released = Path(
            self._coursedir.format_path(self._coursedir.source_directory, ".", self._lab)
        )
        self._copy(released, draft, self._converter.exclude_overwriting.get(self._lab, ()))
        (draft / f"{self._lab}.ipynb").write_text(notebook, encoding="utf-8", newline="\n")
        self._set_permissions(draft)
        if place.exists():
            rmtree(str(place))
        draft.rename(place)

    def _place(self, student: str) -> Path:
        folder = self._coursedir.autograded_directory
        return Path(self._coursedir.format_path(folder, student, self._lab))

    def _copy(self, source: Path, target: Path, left_out: tuple[str, ...]) -> None:
        """Copy what nbgrader copies: all but notebooks and what the course ignores; no links."""
        ignored = [*self._coursedir.ignore, "*.ipynb"]
        for name in find_all_files(str(source), ignored):
            inside = os.path.relpath(name, source)
            if inside in left_out or Path(name).is_symlink():
                continue
            (target / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, target / inside)

    def _set_permissions(self, folder: Path) -> None:
        mode = int(str(self._converter.permissions), 8)
        for path in folder.rglob("*"):
            if path.is_file():
                path.chmod(mode)
