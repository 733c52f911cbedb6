"""Cells and outputs are the ones that nbformat makes."""

import pytest
from nbformat import NotebookNode, v4

from kernel_sim_grader.notebook_cells import CELL_TYPES, new_cell, new_output

METADATA = {"tags": ["one"], "nbgrader": {"grade_id": "a", "points": 2.0}}
DATA = {"text/plain": "1", "text/html": "<p>1</p>"}


@pytest.mark.parametrize("cell_type", CELL_TYPES)
def test_a_cell_is_what_nbformat_makes(cell_type):
    theirs = getattr(v4, f"new_{cell_type}_cell")("x = 1", metadata=METADATA, id="i")
    ours = new_cell(cell_type, "x = 1", METADATA, "i")
    assert ours == theirs
    assert type(ours.metadata.nbgrader) is NotebookNode


def test_an_output_is_what_nbformat_makes():
    assert new_output("display_data", DATA) == v4.new_output("display_data", DATA)
    result = v4.new_output("execute_result", DATA, execution_count=1)
    assert new_output("execute_result", DATA, execution_count=1) == result
