"""Lab 4 from top to bottom in a real kernel: solved it passes, untouched it stays friendly."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from kernel_sim.checks.local_bench import LocalBench
from kernel_sim.checks.run import PRACTICE_SEED, run_checks
from kernel_sim.loading import load_plugin
from kernel_sim_grader.build import lab_notebook
from kernel_sim_grader.course import read_course

ROOT = Path(__file__).parents[2]

LAB = "lab4"
VISIBLE = {
    "blocks": 9,
    "bounds": 6,
    "growth": 5,
    "out-of-memory": 3,
    "kfree": 4,
    "heap-stats": 1,
    "reuse": 5,
    "performance": 7,
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


def lines_of(cell: NotebookNode) -> list[str]:
    """The lines that a cell shows. What is printed may come in several pieces."""
    return [line for line in shown(cell).splitlines() if line]


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
    assert len(marks) >= 22
    assert set(marks) == {"✓"}


def test_a_page_for_each_name_uses_up_the_machine_and_a_heap_does_not(solved: NotebookNode):
    lines = lines_of(cell_with(solved, "def open_files"))
    served = [int(line.split()[0]) for line in lines]
    assert served[0] < served[1] == 1000
    assert int(lines[1].split(" in ")[1].split()[0]) <= 16


def test_letters_written_beyond_a_block_give_another_one_two_owners(solved: NotebookNode):
    assert "41 41 41 41" in shown(cell_with(solved, "soft.machine.cpu.write"))
    in_use, _, second, third = lines_of(cell_with(solved, "def ask"))
    assert second.split()[-1] in in_use
    assert "page fault" in third


def test_the_race_shows_the_own_heap_and_five_others(solved: NotebookNode):
    lines = lines_of(cell_with(solved, 'race("boot"'))
    assert len(lines) == 1 + 6 * 3
    assert all("%" in line for line in lines[1:])


def test_what_ends_is_memory_on_one_machine_and_the_window_on_the_other(solved: NotebookNode):
    small, large = lines_of(cell_with(solved, "def filled"))
    assert int(small.split(", ")[1].split()[0]) < 17
    assert int(large.split(": ")[1].split()[0]) == 255
    assert int(large.split(", ")[1].split()[0].replace(",", "")) > 17


def test_the_line_that_is_played_again_is_right(solved: NotebookNode):
    assert "✗" not in shown(cell_with(solved, "replay("))


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
    assert len(tried) >= 8


@pytest.mark.parametrize("fixture", ["solved", "untouched"])
def test_the_notebook_loads_as_a_plugin_without_a_problem(
    fixture: str, request: pytest.FixtureRequest, tmp_path: Path
):
    file = tmp_path / "lab4.ipynb"
    file.write_text(json.dumps(request.getfixturevalue(fixture)), encoding="utf-8")
    plugin = load_plugin(file)
    assert plugin.problems == ()
    assert plugin.roles == ("heap",)


def test_the_table_of_heaps_says_what_the_generated_page_says(solved: NotebookNode):
    page = (ROOT / "docs" / "reference" / "heaps.md").read_text(encoding="utf-8")
    (mean,) = [line for line in page.splitlines() if line.startswith("| **mean**")]
    text = next(c.source for c in solved.cells if "| heap | utilization |" in c.source)
    rows = [line.split(" | ")[1:] for line in text.splitlines() if "%" in line and "|" in line]
    told = [f"{share.replace(' %', '%')}, {cost.rstrip(' |')}" for share, cost in rows]
    assert told == mean.strip("| ").split(" | ")[1:]


def test_who_stops_at_tier_4a_gets_the_points_of_that_tier(tmp_path: Path):
    notebook = nbformat.reads(lab_notebook(read_course(ROOT / "course.yml").lab(LAB)), 4)
    for grade_id in ("give", "reuse-function"):
        cell = graded(notebook, grade_id)
        start = cell.source.index("    ### BEGIN SOLUTION")
        cell.source = cell.source[:start] + "    # YOUR CODE HERE\n    raise NotImplementedError()"
    file = tmp_path / "lab4.ipynb"
    nbformat.write(notebook, file)
    report = run_checks(LAB, lambda: LocalBench(file, ["heap"]), PRACTICE_SEED)
    assert (report.score, report.max_score) == (63, 90)
    missing = {item.check.id for item in report.reports if item.result.status != "passed"}
    assert missing == {"reuse", "hidden-reuse", "performance", "hidden-performance"}
