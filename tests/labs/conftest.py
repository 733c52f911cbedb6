"""Lab 1 as it is built: with solutions, and as students get it; each is executed once."""

import io
from contextlib import redirect_stderr
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions

from kernel_sim_grader.build import lab_notebook
from kernel_sim_grader.course import read_course

ROOT = Path(__file__).parents[2]


def built() -> NotebookNode:
    """The source notebook, solutions included."""
    return nbformat.reads(lab_notebook(read_course(ROOT / "course.yml").lab("lab1")), 4)


def released() -> NotebookNode:
    """What nbgrader makes of it for students."""
    notebook, _ = ClearSolutions().preprocess(built(), {})
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
def solved(tmp_path_factory: pytest.TempPathFactory) -> NotebookNode:
    return executed(built(), tmp_path_factory.mktemp("solved"))


@pytest.fixture(scope="session")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> NotebookNode:
    return executed(released(), tmp_path_factory.mktemp("untouched"))
