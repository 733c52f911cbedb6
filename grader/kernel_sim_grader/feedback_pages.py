"""nbgrader's feedback pages of a lab."""

import contextlib
import io
import logging
from pathlib import Path

from kernel_sim.errors import InputError


def write_feedback(course: Path, lab: str) -> list[Path]:
    """Write the feedback of every graded submission by nbgrader's own converter; the pages.

    Raises:
        InputError: nbgrader refuses.
    """
    from nbgrader.apps import GenerateFeedbackApp  # noqa: PLC0415 - costs two seconds
    from nbgrader.converters import GenerateFeedback, NbGraderException  # noqa: PLC0415

    with contextlib.chdir(course):
        app = GenerateFeedbackApp()
        app.initialize([])
        app.coursedir.assignment_id = lab
        text = io.StringIO()
        app.log.handlers[:] = [logging.StreamHandler(text)]
        app.log.setLevel(logging.ERROR)
        app.log.propagate = False
        converter = GenerateFeedback(coursedir=app.coursedir, parent=app)
        converter.force = True
        try:
            converter.start()
        except (NbGraderException, SystemExit):
            lines = text.getvalue().strip().splitlines() or ["it gave no reason"]
            raise InputError(f"nbgrader can't write feedback: {lines[-1]}", where=lab) from None
    return sorted(course.glob(f"feedback/*/{lab}/{lab}.html"))


def feedback_page(course: Path, lab: str, student: str) -> Path:
    """The page of one student."""
    return course / "feedback" / student / lab / f"{lab}.html"
