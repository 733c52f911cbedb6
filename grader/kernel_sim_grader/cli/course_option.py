"""The option that names a built course folder, and where one is looked for."""

from pathlib import Path
from typing import Annotated, Final

import typer

from kernel_sim.errors import InputError

CONFIG_FILE: Final = "nbgrader_config.py"
PLACES: Final = (".", "build/course", "build/demo")
"""Where a built course may lie, seen from this folder or one above it."""

CourseFolder = Annotated[
    Path | None,
    typer.Option("--course", metavar="DIR", help="The built course; else the nearest one."),
]


def course_folder(given: Path | None, start: Path | None = None) -> Path:
    """The built course folder that was given, or the nearest one.

    Raises:
        InputError: there is none.
    """
    if given is not None:
        if (given / CONFIG_FILE).is_file():
            return given.resolve()
        raise InputError("is no built course", where=str(given), expected="ksim course build")
    here = (start or Path.cwd()).resolve()
    for above in (here, *here.parents):
        for place in PLACES:
            if (above / place / CONFIG_FILE).is_file():
                return (above / place).resolve()
    raise InputError(
        "there is no built course here", where=str(here), expected="ksim course build, or --course"
    )
