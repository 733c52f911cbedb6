"""Lab 3 from top to bottom in a real kernel: solved it passes, untouched it stays friendly."""

import json
import re
from pathlib import Path

import pytest
from nbformat import NotebookNode

from kernel_sim.loading import load_plugin

LAB = "lab3"
VISIBLE = {
    "tables": 8,
    "table-frames": 4,
    "enable-paging": 7,
    "identity-map": 6,
    "map-unmap": 6,
    "tlb": 4,
    "page-fault": 4,
    "user-access": 2,
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
    assert len(marks) >= 24
    assert set(marks) == {"✓"}


def test_every_output_has_a_text_form(solved: NotebookNode):
    for _, output in outputs(solved):
        assert output.get("text") or output["data"]["text/plain"]


def test_the_same_write_goes_through_without_paging_and_is_stopped_with_it(solved: NotebookNode):
    assert "write at 0x00010000 goes through" in shown(cell_with(solved, "bare = boot("))
    paged = shown(cell_with(solved, "paged = boot("))
    assert "write at 0x00010000 is stopped" in paged
    assert "Protection violation, Write access, User mode" in paged
    assert "read at 0x00000000 is stopped" in paged


def test_paging_that_comes_too_early_ends_in_the_triple_fault_that_is_explained(
    solved: NotebookNode,
):
    told = shown(cell_with(solved, 'boot(machine="pc128", paging=TooEarly()'))
    assert "triple fault: #PF (at 0x10000); then #PF (at 0x21070); then #PF (at 0x21040)" in told


def test_the_address_taken_apart_by_hand_leads_where_the_text_says(solved: NotebookNode):
    directory = shown(cell_with(solved, "root = paged.machine.cpu.cr3"))
    assert "CR3 0x100000" in directory
    assert "23 10 10 00" in directory
    assert "63 80 0b 00" in shown(cell_with(solved, "dump(paged.machine, 0x101000 + 0xB8"))
    page_0 = shown(cell_with(solved, "dump(paged.machine, 0x101000, 8)"))
    assert page_0.split("  ")[1].startswith("00 00 00 00 ")


def test_a_right_that_was_taken_away_is_gone(solved: NotebookNode):
    lines = shown(cell_with(solved, 'mine = boot(machine="pc128", until="paging", show=False)\nif'))
    told = re.findall(r"(?:read|write) at 0xd0000000 (.*)", lines)
    assert told == ["goes through", "is stopped", "goes through"]


def test_the_kernel_without_a_stack_cannot_report_its_fault(solved: NotebookNode):
    told = shown(cell_with(solved, 'boot(machine="pc128", paging=WithoutStack()'))
    assert "triple fault: #PF (at 0x9fafc); then #PF (at 0x9fafc); then #PF (at 0x23ffc)" in told


def test_without_invlpg_a_program_reads_the_kernels_secret(solved: NotebookNode):
    told = shown(cell_with(solved, "show_space(victim)"))
    assert "0xd0000000  " not in told, "the tables do not map it"
    assert "the bytes are 0x5ec7e7" in told


def test_the_emulator_sees_the_same_address_space(solved: NotebookNode):
    told = shown(cell_with(solved, "if mine.machine.cpu.paging:\n    compare_with_emulator"))
    assert "both see the same address space" in told


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
    unguarded = [c for c in tried if not c.source.startswith("mine = ")]
    for cell in unguarded:
        assert "is not written yet" in shown(cell)
        assert "✓" not in shown(cell)
    assert len(unguarded) >= 9
    assert "init_paging is not written yet" in shown(graded(untouched, "tables"))


@pytest.mark.parametrize("fixture", ["solved", "untouched"])
def test_the_notebook_loads_as_a_plugin_without_a_problem(
    fixture: str, request: pytest.FixtureRequest, tmp_path: Path
):
    file = tmp_path / "lab3.ipynb"
    file.write_text(json.dumps(request.getfixturevalue(fixture)), encoding="utf-8")
    plugin = load_plugin(file)
    assert plugin.problems == ()
    assert plugin.roles == ("paging",)
