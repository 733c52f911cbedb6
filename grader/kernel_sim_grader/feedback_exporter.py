"""nbgrader's feedback page, with its steps done once where they are the same for a whole class.

The page is made by nbgrader's own template. What differs: a cell's text is turned into HTML once
for all students who have the same text, a student's grades are read with two queries instead of one
for each cell, and the finished page is not parsed again to add what this template has no use for.
"""

from functools import lru_cache
from typing import IO, Any, Final

import nbformat
from nbconvert.exporters import HTMLExporter
from nbconvert.filters import Highlight2HTML
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbformat import NotebookNode
from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    MissingEntry,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.preprocessors import NbGraderPreprocessor
from sqlalchemy import Engine, NullPool, create_engine, select
from sqlalchemy.orm import Session, aliased

Resources = dict[str, Any]
Converted = tuple[NotebookNode, Resources]
HIGHLIGHT: Final = Highlight2HTML()


class FeedbackExporter(HTMLExporter):
    """Writes one page; an instance is used for a whole class."""

    def from_file(  # type: ignore[override] # as in nbconvert, whose exporters of text do so
        self, file_stream: IO[str], resources: Resources | None = None, **kw: object
    ) -> tuple[str, Resources]:
        """The page of a graded notebook, which is read as it was written: by us, and in order."""
        return self.from_notebook_node(nbformat.v4.reads(file_stream.read()), resources, **kw)

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: Resources | None = None, **kw: object
    ) -> tuple[str, Resources]:
        """The page of a graded notebook."""
        resources = self._init_resources(resources)  # type: ignore[no-untyped-call]
        kinds = WidgetsDataTypeFilter(
            notebook_metadata=self._nb_metadata, parent=self, resources=resources
        )
        self.register_filter("highlight_code", highlighted)  # type: ignore[no-untyped-call]
        self.register_filter("filter_data_type", kinds)  # type: ignore[no-untyped-call]
        page: tuple[str, Resources] = super(HTMLExporter, self).from_notebook_node(
            nb, resources, **kw
        )
        return page

    def _preprocess(self, nb: NotebookNode, resources: Resources) -> Converted:
        """The notebook after the stages below, which leave it in order and need no copies."""
        for stage in self._preprocessors:
            nb, resources = stage(nb, resources)
        return nb, resources


class PageStyle(CSSHTMLHeaderPreprocessor):
    """Adds the style of highlighted code, which is worked out for the first page alone."""

    _css: list[str] | None = None

    def preprocess(self, nb: NotebookNode, resources: Resources) -> Converted:
        """The notebook as it was."""
        if self._css is None:
            super().preprocess(nb, resources)  # type: ignore[no-untyped-call]
            self._css = resources["inlining"]["css"]
        resources["inlining"] = {"css": self._css}
        return nb, resources


class ReadGrades(NbGraderPreprocessor):  # type: ignore[misc] # nbgrader has no types
    """Puts scores and comments of the gradebook into the cells, as nbgrader's GetGrades does."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> Converted:
        """The notebook with scores and comments.

        Raises:
            MissingEntry: the gradebook knows no such submission, or not a cell of it.
        """
        names = resources["nbgrader"]
        with Session(_engine(names["db_url"])) as session:
            found = _submission(session, names)
            scores, comments = _scores(session, found.id), _comments(session, found.id)
            late = found.late_submission_penalty or 0
            names |= {"score": found.score - late, "max_score": found.max_score}
            names["late_penalty"] = late
        for cell in nb.cells:
            data = cell.metadata.get("nbgrader", {})
            try:
                if data.get("solution") or data.get("task"):
                    data["comment"] = comments[data["grade_id"]]
                if data.get("grade") or data.get("task"):
                    data["score"], data["points"] = scores[data["grade_id"]]
            except KeyError:
                problem = f"the gradebook has no cell {data['grade_id']!r} of {names['student']}"
                raise MissingEntry(problem) from None
        return nb, resources


@lru_cache(maxsize=8192)
def _highlighted(source: str) -> str:
    return str(HIGHLIGHT(source))


def highlighted(source: str, metadata: object = None) -> str:  # noqa: ARG001 - the template's
    """The code of a cell as HTML."""
    return _highlighted(source)


@lru_cache(maxsize=4)
def _engine(url: str) -> Engine:
    """The gradebook at ``url``; a connection is open no longer than it is used."""
    return create_engine(url, poolclass=NullPool)


def _submission(session: Session, names: Resources) -> SubmittedNotebook:
    query = (
        select(SubmittedNotebook)
        .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
        .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .where(Notebook.name == names["notebook"], Assignment.name == names["assignment"])
        .where(SubmittedAssignment.student_id == names["student"])
    )
    found = session.scalars(query).first()
    if found is None:
        raise MissingEntry(f"the gradebook has no submission of {names['student']}")
    return found


def _scores(session: Session, notebook: str) -> dict[str, tuple[float, float]]:
    """Grade id → points, and what it is worth."""
    cell = aliased(BaseCell, flat=True)
    query = select(cell.name, Grade.score, Grade.max_score).join(cell, cell.id == Grade.cell_id)
    rows = session.execute(query.where(Grade.notebook_id == notebook))
    return {name: (score, worth) for name, score, worth in rows}


def _comments(session: Session, notebook: str) -> dict[str, str | None]:
    """Grade id → remark."""
    cell = aliased(BaseCell, flat=True)
    query = select(cell.name, Comment.comment).join(cell, cell.id == Comment.cell_id)
    rows = session.execute(query.where(Comment.notebook_id == notebook))
    return {name: text for name, text in rows}  # noqa: C416 - no pairs to the type checker
