"""Lab 1 from top to bottom in a real kernel: solved it passes, untouched it stays friendly."""

import json
from pathlib import Path

import pytest
from nbformat import NotebookNode

from kernel_sim.loading import load_plugin

LAB = "lab1"
VISIBLE = {
    "regions-pc128": 10,
    "classes": 8,
    "wide-addresses": 5,
    "order-overlap": 9,
    "robustness": 5,
    "boot-log": 8,
}


def cell_with(notebook: NotebookNode, words: str) -> NotebookNode:
    """The one code cell whose source begins with ``words``."""
    (found,) = [c for c in notebook.cells if c.cell_type == "code" and c.source.startswith(words)]
    return found


def graded(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    """The cell of this grade_id."""
    (found,) = [
        c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id
    ]
    return found


def shown(cell: NotebookNode) -> str:
    """What a cell shows, as text."""
    texts = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell.outputs]
    return "\n".join(texts)


def outputs(notebook: NotebookNode) -> list[tuple[NotebookNode, NotebookNode]]:
    """Every output with its cell."""
    return [(c, o) for c in notebook.cells if c.cell_type == "code" for o in c.outputs]


def test_the_solved_lab_runs_without_an_error_and_writes_nothing_to_stderr(solved: NotebookNode):
    wrong = [
        (cell.source, output)
        for cell, output in outputs(solved)
        if output.output_type == "error" or output.get("name") == "stderr"
    ]
    assert wrong == []


@pytest.mark.parametrize("check_id", VISIBLE)
def test_the_solved_lab_passes_each_visible_check(solved: NotebookNode, check_id: str):
    points = VISIBLE[check_id]
    expected = f"✓ {check_id}: passed, {points} of {points} points"
    assert shown(graded(solved, check_id)) == expected


def test_every_example_of_the_solved_lab_comes_out_right(solved: NotebookNode):
    marks = [shown(c)[:1] for c in solved.cells if c.cell_type == "code" and "try_it(" in c.source]
    assert len([mark for mark in marks if mark]) >= 8
    assert set(marks) - {""} == {"✓"}


def test_every_output_has_a_text_form(solved: NotebookNode):
    for _, output in outputs(solved):
        assert output.get("text") or output["data"]["text/plain"]


def test_the_parser_that_trusts_is_seen_to_fail(solved: NotebookNode):
    screen = shown(cell_with(solved, "trusting = boot("))
    assert "Self-test pmm failed" in screen
    assert "would be used as free memory" in shown(cell_with(solved, "show_map(trusting)"))
    frame = int(shown(cell_with(solved, "count, frame = 0, 0")).split()[-1], 16)
    assert 0x400800 <= frame < 0x420800, "where pc-nasty keeps its ACPI tables"


def test_the_solved_parser_does_no_harm_to_the_untidy_machine(solved: NotebookNode):
    assert "!" not in shown(cell_with(solved, 'show_map(boot(machine="pc-nasty", show=False))'))


def test_the_rule_that_the_last_entry_wins_is_right_by_luck_and_wrong_backwards(
    solved: NotebookNode,
):
    lucky = cell_with(solved, 'show_map(boot(machine="pc-nasty", memmap=LastWins()')
    assert "!" not in shown(lucky)
    assert "would be used as free memory" in shown(cell_with(solved, "from dataclasses import"))


def test_the_bytes_decoded_by_hand_are_the_bytes_in_memory(solved: NotebookNode):
    (table,) = [c.source for c in solved.cells if "| bytes | field |" in c.source]
    written = [row.split("`")[1] for row in table.splitlines() if row.startswith("| `")]
    lines = shown(cell_with(solved, "dump(machine, 0x5000 + 24")).splitlines()
    in_memory = " ".join(line.split("  ")[1] for line in lines)
    assert " ".join(written) == in_memory


def test_the_untouched_lab_raises_nothing_but_the_asserts_of_its_checks(untouched: NotebookNode):
    raised = {
        cell.metadata.get("nbgrader", {}).get("grade_id"): output.ename
        for cell, output in outputs(untouched)
        if output.output_type == "error"
    }
    assert raised == dict.fromkeys(VISIBLE, "AssertionError")


def test_the_untouched_lab_shows_no_line_of_ours(untouched: NotebookNode):
    for _, output in outputs(untouched):
        text = json.dumps(output)
        assert "kernel_sim/" not in text
        assert output.get("name") != "stderr"


def test_every_task_of_the_untouched_lab_says_that_it_is_not_written_yet(untouched: NotebookNode):
    for cell in untouched.cells:
        if cell.cell_type == "code" and cell.source.startswith("try_it("):
            assert "is not written yet" in shown(cell)
            assert "✓" not in shown(cell)
    booted = shown(cell_with(untouched, 'boot(machine="pc128")'))
    assert "The boot needs parse_memory_map, and parse_memory_map is not written yet" in booted
    assert "parse_memory_map is not written yet" in shown(graded(untouched, "classes"))


@pytest.mark.parametrize("fixture", ["solved", "untouched"])
def test_the_notebook_loads_as_a_plugin_without_a_problem(
    fixture: str, request: pytest.FixtureRequest, tmp_path: Path
):
    file = tmp_path / "lab1.ipynb"
    file.write_text(json.dumps(request.getfixturevalue(fixture)), encoding="utf-8")
    plugin = load_plugin(file)
    assert plugin.problems == ()
    assert plugin.roles == ("memmap",)
    assert plugin.implements("describe_region")
