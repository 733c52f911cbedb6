"""Explorations: notebooks for learners that nobody grades, ``labs/explore/NAME/lab.md``."""

from pathlib import Path
from typing import Final

import nbformat

from kernel_sim_grader.course import find_course
from kernel_sim_grader.lab_text import read_lab

FOLDER: Final = Path("labs") / "explore"


def explorations(start: Path) -> dict[str, Path]:
    """Name → text of each exploration that the nearest course has.

    Raises:
        InputError: there is no course.
    """
    folder = find_course(start).parent / FOLDER
    return {file.parent.name: file for file in sorted(folder.glob("*/lab.md"))}


def own_exploration(text: Path, folder: Path) -> Path:
    """A notebook of ``text`` in ``folder``: made once, and never overwritten."""
    name = text.parent.name
    target = folder / name / f"{name}.ipynb"
    if not target.exists():
        notebook = read_lab(text).notebook
        notebook.nbformat, notebook.nbformat_minor = 4, 5
        for number, cell in enumerate(notebook.cells):
            cell["id"] = f"{name}-{number}"
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)
    return target
