"""Lab 2 from top to bottom in a real kernel: solved it passes, untouched it stays friendly."""

import json
import re
from pathlib import Path

import pytest
from nbformat import NotebookNode

from kernel_sim.loading import load_plugin

LAB = "lab2"
VISIBLE = {
    "usable-frames": 8,
    "exhaustion": 6,
    "reserved-frames": 5,
    "free-reuse": 4,
    "free-errors": 8,
    "bitmap-in-ram": 5,
    "frame-stats": 2,
    "init-once": 2,
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
    cells = [c for c in solved.cells if c.cell_type == "code" and "try_it(" in c.source]
    marks = re.findall(r"^[✓✗]", "\n".join(shown(c) for c in cells), re.MULTILINE)
    assert len(marks) >= 30
    assert set(marks) == {"✓"}


def test_every_output_has_a_text_form(solved: NotebookNode):
    for _, output in outputs(solved):
        assert output.get("text") or output["data"]["text/plain"]


def test_the_same_access_is_reported_on_one_machine_and_ends_the_other(solved: NotebookNode):
    good, counting = cell_with(solved, "def read_nowhere"), cell_with(solved, "read_nowhere(count")
    assert "the screen: PAGE FAULT at 0xd0000000" in shown(good)
    assert "triple fault" in shown(counting)
    assert "the screen: nothing about a fault" in shown(counting)


def test_one_self_test_fails_with_the_shortest_allocator_and_none_with_the_list(
    solved: NotebookNode,
):
    assert shown(cell_with(solved, "counting = boot(")).count("FAILED") == 1
    steps = shown(cell_with(solved, "from kernel_sim.notebook.frame_specimens"))
    assert "selftests ✓" in steps
    assert "✗" not in steps


def test_the_gate_of_the_page_fault_is_overwritten_on_the_second_machine(solved: NotebookNode):
    before, after = shown(cell_with(solved, "dump(good.machine")).splitlines()
    assert before[:10] == after[:10] == "0x00021070"
    assert before != after


def test_an_allocator_that_forgets_stops_the_boot_at_paging(solved: NotebookNode):
    assert "paging ✗" in shown(cell_with(solved, "class Forgets"))


def test_a_frame_given_back_twice_is_everybodys(solved: NotebookNode):
    frames = re.findall(r"0x\w+", shown(cell_with(solved, "print([hex(listed.call")))
    assert len(frames) == 4
    assert len(set(frames)) == 1
    assert "read back: 0xc0ffee" in shown(cell_with(solved, "cpu = listed.machine.cpu"))
    assert "page fault at 0xd0000000" in shown(cell_with(solved, "read_nowhere(listed)"))


def test_the_books_of_real_machines_say_what_the_questions_say(solved: NotebookNode):
    lines = shown(cell_with(solved, "def books")).splitlines()
    assert "5,104 bytes not used" in next(line for line in lines if line.startswith("map-67"))
    assert "bitmap of  96,256 bytes" in next(line for line in lines if line.startswith("map-31"))


def test_the_loads_of_a_search_are_those_of_the_table(solved: NotebookNode):
    assert "4,001 loads" in shown(cell_with(solved, "class CountingCpu"))
    table = next(c.source for c in solved.cells if "| byte by byte" in c.source)
    assert "4,001" in table


def test_bulldog_boots_with_its_two_allocators(solved: NotebookNode):
    screen = shown(cell_with(solved, "bulldog = boot("))
    assert "512 frames before the heap" in screen
    assert "bitmap_bytes=32768" in screen
    assert "first_frame=1048576" in screen


def test_the_untouched_lab_raises_nothing_but_the_asserts_of_its_checks(untouched: NotebookNode):
    raised = {
        cell.metadata.get("nbgrader", {}).get("grade_id"): output.ename
        for cell, output in outputs(untouched)
        if output.output_type == "error"
    }
    assert raised == dict.fromkeys(VISIBLE, "AssertionError")


def test_the_untouched_lab_shows_no_line_of_ours(untouched: NotebookNode):
    for _, output in outputs(untouched):
        assert "kernel_sim/" not in json.dumps(output)
        assert output.get("name") != "stderr"


def test_every_task_of_the_untouched_lab_says_that_it_is_not_written_yet(untouched: NotebookNode):
    tried = [c for c in untouched.cells if c.cell_type == "code" and "try_it(" in c.source]
    for cell in tried:
        assert "is not written yet" in shown(cell)
        assert "✓" not in shown(cell)
    assert len(tried) >= 10
    assert "pmm_init is not written yet" in shown(graded(untouched, "usable-frames"))


@pytest.mark.parametrize("fixture", ["solved", "untouched"])
def test_the_notebook_loads_as_a_plugin_without_a_problem(
    fixture: str, request: pytest.FixtureRequest, tmp_path: Path
):
    file = tmp_path / "lab2.ipynb"
    file.write_text(json.dumps(request.getfixturevalue(fixture)), encoding="utf-8")
    plugin = load_plugin(file)
    assert plugin.problems == ()
    assert plugin.roles == ("pmm",)
