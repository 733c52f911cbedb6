"""Notebook files as source."""

import json

import pytest

from kernel_sim.errors import InputError
from kernel_sim.host.notebook_source import blank_magics, read_notebook


def notebook(tmp_path, *cells):
    path = tmp_path / "lab.ipynb"
    path.write_text(json.dumps({"cells": list(cells), "nbformat": 4}), encoding="utf-8")
    return path


def code(source, *tags, cell_id="a"):
    return {"cell_type": "code", "id": cell_id, "metadata": {"tags": tags}, "source": source}


def test_code_cells_come_in_order_and_are_numbered_among_code_cells(tmp_path):
    path = notebook(
        tmp_path,
        {"cell_type": "markdown", "source": "text"},
        code("a = 1"),
        code(["b = 2\n", "c = 3"], cell_id="second"),
    )
    cells = read_notebook(path)
    assert [(cell.number, cell.name, cell.source) for cell in cells] == [
        (1, "lab.ipynb, cell 1", "a = 1"),
        (2, "lab.ipynb, cell 2", "b = 2\nc = 3"),
    ]
    assert cells[1].id == "second"


def test_cells_with_the_skip_tag_are_left_out_and_still_counted(tmp_path):
    path = notebook(tmp_path, code("boot()", "ksim-skip"), code("x = 1", "other"))
    assert [cell.number for cell in read_notebook(path)] == [2]


@pytest.mark.parametrize(
    ("source", "blanked"),
    [
        ("%matplotlib inline\nx = 1", "\nx = 1"),
        ("!ls\nx = 1\n?help", "\nx = 1\n"),
        ("x = 1\nprint?\ny = 2", "x = 1\n\ny = 2"),
        ("files = !ls\nx = 1", "\nx = 1"),
        ("t = %time f()\nx = 1", "\nx = 1"),
        ("if x:\n    %time f()\ny = 2", "if x:\n    pass\ny = 2"),
        ("%%bash\nls\nrm x", "\n\n"),
        ("x = 7 \\\n  % 4", "x = 7 \\\n  % 4"),
        ('text = """\n%not magic\n"""', 'text = """\n%not magic\n"""'),
    ],
)
def test_ipython_lines_are_blanked_and_line_numbers_kept(source, blanked):
    assert blank_magics(source) == blanked
    assert blank_magics(source).count("\n") == source.count("\n")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "is no JSON"),
        ("[]", "has no list of cells"),
        ('{"worksheets": []}', "has no list of cells"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_a_file_that_is_no_notebook_is_refused_in_one_line(tmp_path, content, problem):
    path = tmp_path / "broken.ipynb"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=problem):
        read_notebook(path)


def test_a_missing_notebook_is_refused(tmp_path):
    with pytest.raises(InputError, match="can't be read"):
        read_notebook(tmp_path / "none.ipynb")
