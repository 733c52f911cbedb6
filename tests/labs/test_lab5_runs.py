"""Lab 5 from top to bottom in a real kernel: solved it passes, untouched it stays friendly."""

import copy
import json
import re
from pathlib import Path

import pytest
from nbformat import NotebookNode

from kernel_sim.checks.local_bench import LocalBench
from kernel_sim.checks.registry import lab_roles
from kernel_sim.checks.run import PRACTICE_SEED, run_checks
from kernel_sim.loading import load_plugin

LAB = "lab5"
VISIBLE = {
    "stack-guard": 9,
    "heap-guard": 7,
    "fault-classes": 5,
    "fault-log": 6,
    "memory-view": 4,
    "counters-tags": 5,
    "toggles": 4,
}


def cell_with(notebook: NotebookNode, words: str) -> NotebookNode:
    """The one code cell whose source holds ``words``."""
    (found,) = [c for c in notebook.cells if c.cell_type == "code" and words in c.source]
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
    assert len(marks) >= 50
    assert set(marks) == {"✓"}


def test_every_output_has_a_text_form(solved: NotebookNode):
    for _, output in outputs(solved):
        assert output.get("text") or output["data"]["text/plain"]


def test_the_unguarded_stack_overwrites_the_bitmap_and_nobody_notices(solved: NotebookNode):
    before = shown(cell_with(solved, "driver = unguarded.call"))
    assert "the driver's frame: 0x122000" in before
    assert "ff ff ff ff 07 00 00 00" in before
    called = shown(cell_with(solved, "call_deep(unguarded"))
    assert "goes through" in called
    assert "down to 0x8ff70" in called
    assert "ff ff ff ff" not in called


def test_the_damage_shows_later_in_tables_and_frames_of_others(solved: NotebookNode):
    frames = shown(cell_with(solved, "for _ in range(3):")).split()
    assert frames == ["0x120000", "0x121000", "0x122000"]
    assert "0x7d01000, error code 0x0" in shown(cell_with(solved, "fill(0x120000, 4096, 0)"))


def test_the_guarded_stack_is_stopped_at_the_first_byte_and_the_callers_are_logged(
    solved: NotebookNode,
):
    told = shown(cell_with(solved, "call_deep(guarded"))
    assert "is stopped" in told
    assert "GUARD PAGE hit at 0xc2000fec" in told
    assert "frames=[level_2, level_1" in told


def test_each_fault_of_the_notebooks_own_kernel_gets_its_class(solved: NotebookNode):
    told = shown(cell_with(solved, 'touch(mine, "read", 0x8)'))
    assert re.findall(r"(NULL|USER|GUARD) fault at", told) == ["NULL", "USER", "GUARD"]
    assert "0xdeadbee0, error code 0x0, at ip 0x10000: nobody handled it" in told


def test_the_notebooks_own_log_is_the_only_one_and_damage_ends_the_walk(solved: NotebookNode):
    told = shown(cell_with(solved, 'address=0xDEADBEE0, damage="itself"'))
    chains = re.findall(r"fault_trace .* frames=\[(.*)\]", told)
    whole, broken = "level_3, level_2, level_1, kernel_main", "level_3, level_2"
    assert chains == [whole, broken, broken]


def test_a_thousand_frames_show_in_the_picture_and_one_given_back_as_well(solved: NotebookNode):
    before, after = shown(cell_with(solved, "taken = [mine.call")).split("\n\n")
    assert before.count("#") < after.count("#")
    assert "#+#" in after, "the frame that was given back"
    assert len(after.split()) == 8


def test_the_full_stack_is_a_double_fault_and_without_its_stack_a_triple_one(
    solved: NotebookNode,
):
    rescued = shown(cell_with(solved, "faults_of(rescued)"))
    assert re.findall(r"vector +(\d+)", rescued) == ["14", "14", "8"]
    assert "GUARD PAGE hit" in rescued
    lost = shown(cell_with(solved, "call_deep(lost"))
    assert "#PF (at 0xc2000fec); then #PF (at 0xc2000fec); then #PF (at 0x23ffc)" in lost
    assert "GUARD PAGE hit" not in lost


def test_the_handler_that_writes_to_page_0_stops_nobody(solved: NotebookNode):
    told = shown(cell_with(solved, "worse = boot("))
    assert "nobody handled it" in told
    assert "the bytes are 0xdead" in told


def test_early_bulldog_tells_of_its_guard_from_the_interrupt_stack(solved: NotebookNode):
    told = shown(cell_with(solved, "early = boot("))
    assert "double fault" in told
    assert "guard page below kernel stack" in told


def test_switched_off_features_leave_no_line(solved: NotebookNode):
    told = shown(cell_with(solved, "silent = boot("))
    assert told.count("nobody handled it") == 2
    assert "log:" not in told


def test_the_untouched_lab_raises_nothing_but_the_asserts_of_its_checks(untouched: NotebookNode):
    raised = {
        cell.metadata.get("nbgrader", {}).get("grade_id"): output.ename
        for cell, output in outputs(untouched)
        if output.output_type == "error"
    }
    assert raised == dict.fromkeys(VISIBLE, "AssertionError")


@pytest.mark.parametrize("fixture", ["solved", "untouched"])
def test_the_lab_shows_no_line_of_ours(fixture: str, request: pytest.FixtureRequest):
    for _, output in outputs(request.getfixturevalue(fixture)):
        text = json.dumps(output)
        assert "kernel_sim/" not in text
        assert "kernel_sim_kernel_v/" not in text
        assert output.get("name") != "stderr"


def test_every_task_of_the_untouched_lab_says_that_it_is_not_written_yet(untouched: NotebookNode):
    tried = [c for c in untouched.cells if c.cell_type == "code" and "try_it(" in c.source]
    assert len(tried) >= 15
    for cell in tried:
        assert "is not written yet" in shown(cell)
        assert "✓" not in shown(cell)
    assert "install_guard is not written yet" in shown(graded(untouched, "stack-guard"))


@pytest.mark.parametrize("fixture", ["solved", "untouched"])
def test_the_notebook_loads_as_a_plugin_without_a_problem(
    fixture: str, request: pytest.FixtureRequest, tmp_path: Path
):
    file = tmp_path / "lab5.ipynb"
    file.write_text(json.dumps(request.getfixturevalue(fixture)), encoding="utf-8")
    plugin = load_plugin(file)
    assert plugin.problems == ()
    assert plugin.roles == ("guard",)


@pytest.mark.parametrize(
    ("last", "count"), [("remove-guard-hook", 2), ("page-fault-hook", 3), ("log-fault", 4)]
)
def test_a_task_counts_in_full_before_the_later_ones_are_written(
    last: str, count: int, solved: NotebookNode, untouched: NotebookNode, tmp_path: Path
):
    names = [c.metadata.get("nbgrader", {}).get("grade_id") for c in solved.cells]
    done = {name for name in names[: names.index(last) + 1] if name}
    partly = copy.deepcopy(untouched)
    for cell in partly.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in done:
            cell.source = graded(solved, name).source
    file = tmp_path / "lab5.ipynb"
    file.write_text(json.dumps(partly), encoding="utf-8")
    roles, only = lab_roles(LAB), list(VISIBLE)[:count]
    report = run_checks(LAB, lambda: LocalBench(str(file), roles), PRACTICE_SEED, only)
    assert report.score == sum(VISIBLE[name] for name in only)
