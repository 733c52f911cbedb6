"""Any file becomes a notebook with the trusted cells; nothing else of it is believed."""

import json

import pytest

from kernel_sim_grader.submission import SKIP_TAG, TrustedCell, read_submission


def trusted(grade_id, source, **other):
    cell = {"cell_type": "code", "grade": False, "solution": False, "points": None, **other}
    locked = not cell["solution"]
    return TrustedCell(
        grade_id=grade_id, source=source, checksum="0" * 32, task=False, locked=locked, **cell
    )


SETUP = trusted("setup", "import this_course")
ANSWER = trusted("answer", "raise NotImplementedError", solution=True)
TEST = trusted("first-check", "assert check()", grade=True, points=15.0)
ESSAY = trusted(
    "essay", "YOUR ANSWER HERE", grade=True, solution=True, cell_type="markdown", points=10.0
)
RELEASED = [SETUP, ANSWER, TEST, ESSAY]


def code(source, grade_id=None, **metadata):
    if grade_id is not None:
        metadata["nbgrader"] = {"grade_id": grade_id, "grade": True, "points": 1000}
    return {"cell_type": "code", "source": source, "metadata": metadata, "outputs": [{"x": 1}]}


def complete(answer="answer = 42", test="assert check()"):
    essay = {"cell_type": "markdown", "source": "Because.", "metadata": {}}
    essay["metadata"] = {"nbgrader": {"grade_id": "essay"}}
    return [
        code("import this_course", "setup"),
        code(answer, "answer"),
        code(test, "first-check"),
        essay,
    ]


@pytest.fixture
def submit(tmp_path):
    def submit(cells):
        path = tmp_path / "lab.ipynb"
        document = cells if isinstance(cells, str | bytes) else json.dumps({"cells": cells})
        path.write_bytes(document if isinstance(document, bytes) else document.encode())
        return read_submission(path, RELEASED)

    return submit


def ids(submission):
    return [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in submission.notebook.cells]


def cell(submission, grade_id):
    return submission.notebook.cells[ids(submission).index(grade_id)]


def test_an_untouched_copy_keeps_its_cells_and_needs_no_note(submit):
    submission = submit(complete())
    assert ids(submission) == ["setup", "answer", "first-check", "essay"]
    assert cell(submission, "answer").source == "answer = 42"
    assert submission.notes == []
    assert submission.unreadable is None


def test_outputs_that_came_with_the_file_are_gone(submit):
    assert all(not cell.get("outputs") for cell in submit(complete()).notebook.cells)


def test_points_and_flags_come_from_the_gradebook(submit):
    data = cell(submit(complete()), "first-check").metadata["nbgrader"]
    assert data["points"] == 15.0
    assert data["schema_version"] == 3
    assert not cell(submit(complete()), "answer").metadata["nbgrader"]["grade"]


def test_an_edited_test_cell_gets_its_text_back(submit):
    submission = submit(complete(test="100"))
    assert cell(submission, "first-check").source == "assert check()"
    assert "first-check" in submission.notes[0]


def test_a_test_cell_is_no_part_of_the_plugin_even_without_its_tag(submit):
    assert SKIP_TAG in cell(submit(complete()), "first-check").metadata["tags"]


def test_a_locked_cell_that_is_no_test_stays_part_of_the_plugin(submit):
    assert "tags" not in cell(submit(complete()), "setup").metadata


def test_a_deleted_test_cell_is_put_back_behind_its_predecessor(submit):
    cells = complete()
    del cells[2]
    submission = submit(cells)
    assert ids(submission) == ["setup", "answer", "first-check", "essay"]
    assert "was missing" in submission.notes[0]


def test_all_cells_deleted_gives_the_released_notebook(submit):
    submission = submit([])
    assert ids(submission) == ["setup", "answer", "first-check", "essay"]
    assert cell(submission, "answer").source == "raise NotImplementedError"


def test_a_changed_grade_id_becomes_a_plain_cell_and_the_trusted_one_returns(submit):
    cells = complete()
    cells[2]["metadata"]["nbgrader"]["grade_id"] = "another"
    submission = submit(cells)
    assert sorted(filter(None, ids(submission))) == ["answer", "essay", "first-check", "setup"]
    assert None in ids(submission)


def test_of_two_cells_with_one_grade_id_the_last_counts(submit):
    cells = complete()
    cells.insert(1, code("answer = 1", "answer"))
    submission = submit(cells)
    assert cell(submission, "answer").source == "answer = 42"
    assert "more than once" in submission.notes[0]


def test_a_second_copy_of_a_test_cell_is_not_run(submit):
    cells = [code("launch()", "first-check"), *complete()]
    first = submit(cells).notebook.cells[0]
    assert first.metadata["tags"] == [SKIP_TAG]


def test_a_cell_of_another_type_gets_its_type_back(submit):
    cells = complete()
    cells[2]["cell_type"] = "markdown"
    assert cell(submit(cells), "first-check").cell_type == "code"


@pytest.mark.parametrize(
    "document",
    [
        b"not a notebook",
        b"\xff\xfe\x00",
        b"[1, 2]",
        b'{"cells": 3}',
        b"[" * 200_000,
        b"",
        b'{"worksheets": "none"}',
    ],
    ids=["text", "binary", "list", "no cells", "deep", "empty", "old format"],
)
def test_what_is_no_notebook_is_the_released_one_with_a_reason(submit, document):
    submission = submit(document)
    assert submission.unreadable
    assert ids(submission)[1:] == ["setup", "answer", "first-check", "essay"]
    assert submission.unreadable in submission.notebook.cells[0].source


def test_a_file_that_is_missing_is_unreadable(tmp_path):
    assert read_submission(tmp_path / "none.ipynb", RELEASED).unreadable


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        3,
        {"nbgrader": 1},
        {"nbgrader": {"grade_id": ["answer"]}},
        {"tags": "x"},
        {"tags": [1]},
    ],
)
def test_metadata_of_any_shape_is_survived(submit, metadata):
    odd = {"cell_type": "code", "source": "x = 1", "metadata": metadata}
    assert submit([odd, *complete()]).notebook.cells[0].source == "x = 1"


@pytest.mark.parametrize("odd", [3, {"cell_type": "video"}, {"cell_type": "code", "source": 5}])
def test_what_is_no_cell_is_left_out(submit, odd):
    assert len(submit([odd, *complete()]).notebook.cells) == 4


def test_a_source_of_lines_is_joined_and_bad_characters_are_replaced(submit):
    cells = complete()
    cells[1]["source"] = ["a = 1\n", "b = '\ud800'"]
    assert cell(submit(cells), "answer").source == "a = 1\nb = '?'"


def test_the_same_file_gives_the_same_cell_ids(submit):
    assert [c.id for c in submit(complete()).notebook.cells] == [
        c.id for c in submit(complete()).notebook.cells
    ]
