"""nbgrader's own autograde application in a course folder: its settings, and where things are."""

import contextlib
import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def autograde_app(course: Path, db_url: str | None = None) -> Iterator[Any]:
    """The application as ``nbgrader autograde`` would set it up in ``course``, silent.

    While it is held, the working directory is the course's.

    Args:
        course: a built course.
        db_url: another gradebook than the course's own.
    """
    from nbgrader.apps import AutogradeApp  # noqa: PLC0415 - costs two seconds

    with contextlib.chdir(course):
        app = AutogradeApp()
        app.initialize([])
        app.log.handlers[:] = [logging.StreamHandler(io.StringIO())]
        app.log.propagate = False
        if db_url is not None:
            app.coursedir.db_url = db_url
        yield app
