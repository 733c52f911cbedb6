"""nbgrader's own autograde application in a course folder: its settings, and where things are."""

import contextlib
import io
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def autograde_app(course: Path, db_url: str | None = None) -> Iterator[Any]:
    """The application as ``nbgrader autograde`` would set it up in ``course``, silent.

    While it is held, the working directory is the course's. This interpreter's scripts are put on
    the path: nbgrader starts ``alembic`` by name.

    Args:
        course: a built course.
        db_url: another gradebook than the course's own.
    """
    from nbgrader.apps import AutogradeApp  # noqa: PLC0415 - costs two seconds

    scripts = str(Path(sys.executable).parent)
    if scripts not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join((scripts, os.environ.get("PATH", "")))
    with contextlib.chdir(course):
        app = AutogradeApp()
        app.initialize([])
        app.log.handlers[:] = [logging.StreamHandler(io.StringIO())]
        app.log.propagate = False
        if db_url is not None:
            app.coursedir.db_url = db_url
        yield app
