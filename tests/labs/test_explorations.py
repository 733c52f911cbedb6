"""Explorations run from top to bottom, and a learner's copy is kept."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from kernel_sim.profiles import profile_names
from kernel_sim_grader.exploration import explorations, own_exploration

TEXTS = explorations(Path(__file__))


def test_there_is_one_that_compares_the_kernels():
    assert "four-boots" in TEXTS


@pytest.mark.parametrize("name", TEXTS)
def test_it_runs_without_an_error(name, tmp_path):
    notebook = nbformat.read(own_exploration(TEXTS[name], tmp_path), 4)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=120, resources=resources).execute()
    shown = [output.get("text", "") for c in notebook.cells for output in c.get("outputs", [])]
    assert all(kernel in "".join(shown) for kernel in profile_names())


def test_a_learner_s_copy_is_never_overwritten(tmp_path):
    path = own_exploration(TEXTS["four-boots"], tmp_path)
    path.write_text("mine", encoding="utf-8")
    assert own_exploration(TEXTS["four-boots"], tmp_path) == path
    assert path.read_text(encoding="utf-8") == "mine"


def test_its_cells_have_ids_that_stay_the_same(tmp_path):
    first, second = (own_exploration(TEXTS["four-boots"], tmp_path / n) for n in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
