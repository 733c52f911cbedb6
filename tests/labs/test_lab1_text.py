"""Lab 1's text: what it names exists, and its cells keep the house's measure."""

import re
from collections.abc import Iterator
from pathlib import Path

import jupytext
import pytest
from nbformat import NotebookNode

from kernel_sim import notebook
from kernel_sim.machine import machine_names
from kernel_sim.notebook.hints import hints_of

TEXT = Path(__file__).parents[2] / "labs" / "01-memory-map" / "lab.md"
LONGEST_CELL = 18
"""Lines, without blank ones and the marks round a solution."""


@pytest.fixture(scope="module")
def lab() -> NotebookNode:
    return jupytext.read(TEXT)


def prose(lab: NotebookNode) -> str:
    return "\n".join(cell.source for cell in lab.cells if cell.cell_type == "markdown")


def code_cells(lab: NotebookNode) -> Iterator[NotebookNode]:
    return (cell for cell in lab.cells if cell.cell_type == "code")


def test_every_machine_that_is_named_exists():
    named = set(re.findall(r"""["`](map-\d+|pc[\w-]*)["`]""", TEXT.read_text(encoding="utf-8")))
    assert len(named) >= 8
    assert named <= set(machine_names())


def test_every_section_that_is_referred_to_exists(lab: NotebookNode):
    headings = set(re.findall(r"^## (\d+) ·", prose(lab), re.MULTILINE))
    assert headings == {str(n) for n in range(1, len(headings) + 1)}
    referred = set(re.findall(r"section (\d+)", prose(lab)))
    assert referred
    assert referred <= headings


def test_every_call_that_the_prose_shows_is_one_that_students_have(lab: NotebookNode):
    calls = set(re.findall(r"`(\w+)\(", prose(lab)))
    own = {match for cell in code_cells(lab) for match in re.findall(r"def (\w+)\(", cell.source)}
    assert {"hint", "check_all"} <= calls
    assert calls <= set(notebook.__all__) | own | {"MemoryRegion", "sizeof"}


def test_what_the_first_cell_imports_is_what_the_package_offers(lab: NotebookNode):
    (setup,) = [c.source for c in code_cells(lab) if "from kernel_sim.notebook import" in c.source]
    words = set(re.findall(r"\w+", setup.split("kernel_sim.notebook import")[1]))
    assert words <= set(notebook.__all__)


def test_links_lead_somewhere(lab: NotebookNode):
    for target in re.findall(r"\]\(([^)]+)\)", prose(lab)):
        assert (TEXT.parent / target).exists()


def test_demonstrations_are_no_part_of_the_plugin(lab: NotebookNode):
    for cell in code_cells(lab):
        is_demonstration = "nbgrader" not in cell.metadata
        assert is_demonstration == ("ksim-skip" in cell.metadata.get("tags", []))


def test_a_task_is_asked_for_above_its_cell_and_tried_below_it(lab: NotebookNode):
    cells = lab.cells
    for i, cell in enumerate(cells):
        if cell.metadata.get("nbgrader", {}).get("solution") and cell.cell_type == "code":
            assert cells[i - 1].cell_type == "markdown"
            assert "**Write" in cells[i - 1].source
            after = [c for c in cells[i + 1 : i + 3] if c.cell_type == "code"]
            assert "ksim-skip" in after[0].metadata.tags


def solution_lines(source: str) -> set[str]:
    """The lines of a cell's solution that say something: 25 characters or more, closed up."""
    inside = re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", source, re.DOTALL)
    lines = {re.sub(r"\s+", "", line) for text in inside for line in text.splitlines()}
    return {line for line in lines if len(line) >= 25}


def test_no_cell_outside_a_solution_holds_a_line_of_one(lab: NotebookNode):
    secret = set().union(*(solution_lines(cell.source) for cell in code_cells(lab)))
    assert len(secret) >= 15
    for cell in lab.cells:
        released = re.sub(
            r"### BEGIN SOLUTION.*?### END SOLUTION", "", cell.source, flags=re.DOTALL
        )
        shown = {re.sub(r"\s+", "", line) for line in released.splitlines()}
        assert shown & secret == set(), cell.source


def test_cells_are_short(lab: NotebookNode):
    for cell in code_cells(lab):
        lines = [x for x in cell.source.splitlines() if x.strip() and "SOLUTION" not in x]
        assert len(lines) <= LONGEST_CELL, cell.source


def test_the_lab_states_its_hours_and_its_readings(lab: NotebookNode):
    text = prose(lab)
    assert "4 to 6 hours" in text
    for words in ("Bach", "chapter 2.2", "chapter 9", "7.8", "7.11"):
        assert words in text


def test_there_are_hints_for_every_task():
    titles = " ".join(title for title, _ in hints_of("lab1"))
    for name in ("read_entry", "read_table", "classify", "region_of", "resolve", "describe_region"):
        assert name in titles
