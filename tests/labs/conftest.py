"""Labs as they are built: with solutions, and as students get them; each is executed once."""

import io
from collections.abc import Callable
from contextlib import redirect_stderr
from functools import cache
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions

from kernel_sim_grader.build import lab_notebook
from kernel_sim_grader.course import read_course

ROOT = Path(__file__).parents[2]


def built(lab: str) -> NotebookNode:
    """The source notebook, solutions included."""
    return nbformat.reads(lab_notebook(read_course(ROOT / "course.yml").lab(lab)), 4)


def released(lab: str) -> NotebookNode:
    """What nbgrader makes of it for students."""
    notebook, _ = ClearSolutions().preprocess(built(lab), {})
    return notebook


def executed(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """The notebook after a run from top to bottom; cells that raise do not stop it."""
    client = NotebookClient(
        notebook,
        timeout=120,
        allow_errors=True,
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    )
    with redirect_stderr(io.StringIO()):  # the kernel's own remarks on how it is connected
        client.execute()
    return notebook


@pytest.fixture(scope="session")
def solved_lab(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], NotebookNode]:
    """Lab → its notebook with solutions, executed once in a session."""

    @cache
    def run(lab: str) -> NotebookNode:
        return executed(built(lab), tmp_path_factory.mktemp(f"solved-{lab}"))

    return run


@pytest.fixture(scope="session")
def untouched_lab(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], NotebookNode]:
    """Lab → its notebook as students get it, executed once in a session."""

    @cache
    def run(lab: str) -> NotebookNode:
        return executed(released(lab), tmp_path_factory.mktemp(f"untouched-{lab}"))

    return run


@pytest.fixture(scope="module")
def solved(request: pytest.FixtureRequest, solved_lab) -> NotebookNode:
    """The solved notebook of the lab that the module names in ``LAB``."""
    return solved_lab(request.module.LAB)


@pytest.fixture(scope="module")
def untouched(request: pytest.FixtureRequest, untouched_lab) -> NotebookNode:
    """The untouched notebook of the lab that the module names in ``LAB``."""
    return untouched_lab(request.module.LAB)
