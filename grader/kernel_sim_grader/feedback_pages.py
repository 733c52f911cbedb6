"""nbgrader's feedback pages of a lab."""

import contextlib
import io
import logging
from collections.abc import Callable, Collection
from pathlib import Path

from kernel_sim.errors import InputError


def write_feedback(
    course: Path,
    lab: str,
    students: Collection[str] | None = None,
    *,
    db_url: str | None = None,
    on_done: Callable[[str], None] = lambda _: None,
) -> list[Path]:
    """Write the feedback of graded submissions by nbgrader's own converter; all pages there are.

    Args:
        course: a built course.
        lab: the assignment.
        students: whose pages are written; else everybody's.
        db_url: another gradebook than the course's own.
        on_done: called with each student whose page is written.

    Raises:
        InputError: nbgrader refuses.
    """
    from nbgrader.apps import GenerateFeedbackApp  # noqa: PLC0415 - costs two seconds
    from nbgrader.converters import GenerateFeedback, NbGraderException  # noqa: PLC0415

    with contextlib.chdir(course):
        app = GenerateFeedbackApp()
        app.initialize([])
        app.coursedir.assignment_id = lab
        if db_url is not None:
            app.coursedir.db_url = db_url
        text = io.StringIO()
        app.log.handlers[:] = [logging.StreamHandler(text)]
        app.log.setLevel(logging.ERROR)
        app.log.propagate = False
        converter = GenerateFeedback(coursedir=app.coursedir, parent=app)
        converter.force = True
        if students is not None:
            folder = app.coursedir.autograded_directory
            graded = {path.parent.name for path in course.glob(f"{folder}/*/{lab}")}
            app.coursedir.student_id_exclude = ",".join(graded - set(students))
        converter.post_convert_hook = lambda student, **_: on_done(student)
        try:
            converter.start()
        except (NbGraderException, SystemExit):
            lines = text.getvalue().strip().splitlines() or ["it gave no reason"]
            failed = [line for line in lines if line.startswith("There was an error")]
            reason = (failed or lines)[-1]
            raise InputError(f"nbgrader can't write feedback: {reason}", where=lab) from None
    return sorted(course.glob(f"feedback/*/{lab}/{lab}.html"))


def feedback_page(course: Path, lab: str, student: str) -> Path:
    """The page of one student."""
    return course / "feedback" / student / lab / f"{lab}.html"
