"""The sample class hands in what the corpus holds, in the released notebook's own cells."""

import json

import pytest

from kernel_sim.errors import InputError
from kernel_sim.host.notebook_source import plugin_cells
from kernel_sim_grader.sample_class import answer, sample_class


def cell(cell_type, **grading):
    metadata = {"nbgrader": grading} if grading else {}
    return {"cell_type": cell_type, "metadata": metadata, "source": "old", "id": cell_type}


def test_the_class_has_at_least_twelve_students_of_every_kind():
    students = sample_class("lab1")
    assert len({student.name for student in students}) == len(students) >= 12
    assert {student.specimen.kind for student in students} == {"correct", "wrong", "odd"}
    assert len({student.specimen.path for student in students}) == len(students)


def test_the_class_is_the_same_each_time():
    assert sample_class("lab1") == sample_class("lab1")


def test_an_answer_goes_into_the_first_answer_cell_and_nowhere_else():
    test = cell("code", grade=True, solution=False)
    essay = cell("markdown", grade=True, solution=True)
    first, second = cell("code", solution=True), cell("code", solution=True)
    notebook = {"cells": [cell("code"), first, second, test, essay]}
    answer(notebook, "def f(): pass")
    assert [item["source"] == "old" for item in notebook["cells"]] == [
        True,
        False,
        False,
        True,
        False,
    ]
    assert first["source"] == "def f(): pass"
    source = "\n".join(item.source for item in plugin_cells(notebook, "x"))
    assert source.count("def f") == 1
    assert json.dumps(notebook)


def test_a_notebook_without_an_answer_cell_is_refused():
    with pytest.raises(InputError, match="no cell for an answer"):
        answer({"cells": [cell("code")]}, "x = 1", "lab.ipynb")
