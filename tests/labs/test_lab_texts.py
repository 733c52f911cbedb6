"""The labs' texts: what they name exists, and their cells keep the house's measure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jupytext
import pytest
from nbformat import NotebookNode

from kernel_sim import notebook
from kernel_sim.machine import machine_names
from kernel_sim.notebook.hints import hints_of

LABS = Path(__file__).parents[2] / "labs"
LONGEST_CELL = 18
"""Lines, without blank ones and the marks round a solution."""


@dataclass(frozen=True)
class Expected:
    """What a lab's text must have.

    Args:
        folder: where it lies.
        hours: as it states them.
        calls: names that the prose may call beside those students have.
        tasks: functions that a hint's title names.
        machines: how many machines it names at least.
        secrets: how many lines its solutions have at least.
        readings: words of its list of readings.
    """

    folder: str
    hours: str
    calls: frozenset[str]
    tasks: tuple[str, ...]
    machines: int
    secrets: int
    readings: tuple[str, ...]


EXPECTED = {
    "lab1": Expected(
        "01-memory-map",
        "4 to 6 hours",
        frozenset({"MemoryRegion", "sizeof"}),
        ("read_entry", "read_table", "classify", "region_of", "resolve", "describe_region"),
        8,
        15,
        ("Bach", "chapter 2.2", "chapter 9", "7.8", "7.11"),
    ),
    "lab2": Expected(
        "02-frame-allocator",
        "5 to 7 hours",
        frozenset({"AddrRange"}),
        (
            "frames_inside",
            "frames_touched",
            "usable_frames",
            "is_used",
            "mark",
            "without",
            "place_bitmap",
            "pmm_init",
            "first_free",
            "pmm_alloc_frame",
            "pmm_free_frame",
        ),
        6,
        30,
        ("Bach", "chapter 9", "7.8", "volume 3A"),
    ),
    "lab3": Expected(
        "03-paging",
        "6 to 9 hours",
        frozenset(
            {
                "MapError",
                "NotMapped",
                "PageTableFlags",
                "Translation",
                "UnmapError",
                "active_level_4_table",
                "int",
            }
        ),
        (
            "directory_index",
            "table_index",
            "make_entry",
            "frame_of",
            "new_table",
            "entry_address",
            "ensure_table",
            "map_page",
            "unmap_page",
            "translate",
            "init_paging",
            "enable_paging",
            "protect_page",
            "page_fault",
        ),
        3,
        25,
        ("Bach", "chapter 9", "7.8", "7.11", "volume 3A", "section 4.3", "4.10"),
    ),
    "lab5": Expected(
        "05-guard-pages",
        "6 to 8 hours",
        frozenset({"GuardRequest", "GuardedRegion", "MapError", "UnmapError", "Cell", "on_event"}),
        (
            "extent",
            "lay_out",
            "map_new",
            "give_back",
            "install_guard",
            "remove_guard",
            "in_guard",
            "is_kernel_page",
            "classify",
            "page_fault",
            "readable",
            "callers",
            "log_fault",
            "usable_frames",
            "is_used",
            "cell_of",
            "render_memory",
            "count_frames",
            "frame_refcount",
            "cut",
            "untag",
            "follow_log",
            "follow_hook",
            "region_tags",
        ),
        3,
        45,
        ("Bach", "chapter 9", "7.8", "7.11", "volume 3A", "section 6.15", "section 6.14"),
    ),
}
EXPECTED["lab4"] = Expected(
    "04-heap",
    "7 to 10 hours",
    frozenset({"HeapStats", "HeapError", "align_up", "bump", "pmm_alloc_frame"}),
    (
        "align_up",
        "place",
        "write_header",
        "map_pages",
        "heap_init",
        "bump",
        "kmalloc",
        "kfree",
        "heap_stats",
        "give",
        "reuse",
    ),
    3,
    30,
    ("Bach", "chapter 9", "7.8", "volume 3A"),
)


@pytest.fixture(params=sorted(EXPECTED))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def expected(name: str) -> Expected:
    return EXPECTED[name]


@pytest.fixture
def file(expected: Expected) -> Path:
    return LABS / expected.folder / "lab.md"


@pytest.fixture
def lab(file: Path) -> NotebookNode:
    return jupytext.read(file)


def prose(lab: NotebookNode) -> str:
    return "\n".join(cell.source for cell in lab.cells if cell.cell_type == "markdown")


def code_cells(lab: NotebookNode) -> Iterator[NotebookNode]:
    return (cell for cell in lab.cells if cell.cell_type == "code")


def test_every_machine_that_is_named_exists(file: Path, expected: Expected):
    named = set(re.findall(r"""["`](map-\d+|pc[\w-]*)["`]""", file.read_text(encoding="utf-8")))
    assert len(named) >= expected.machines
    assert named <= set(machine_names())


def test_every_section_that_is_referred_to_exists(lab: NotebookNode):
    headings = set(re.findall(r"^## (\d+) ·", prose(lab), re.MULTILINE))
    assert headings == {str(n) for n in range(1, len(headings) + 1)}
    referred = set(re.findall(r"section (\d+)", prose(lab)))
    assert referred
    assert referred <= headings


def test_every_call_that_the_prose_shows_is_one_that_students_have(
    lab: NotebookNode, expected: Expected
):
    calls = set(re.findall(r"`(\w+)\(", prose(lab)))
    own = {match for cell in code_cells(lab) for match in re.findall(r"def (\w+)\(", cell.source)}
    assert {"hint"} <= calls
    assert calls <= set(notebook.__all__) | own | expected.calls | {"hasattr"}


def test_what_the_first_cell_imports_is_what_the_package_offers(lab: NotebookNode):
    (setup,) = [c.source for c in code_cells(lab) if "from kernel_sim.notebook import" in c.source]
    inside = setup.split("kernel_sim.notebook import")[1].split(")")[0]
    words = set(re.findall(r"\w+", inside))
    assert words
    assert words <= set(notebook.__all__)


def test_links_lead_somewhere(lab: NotebookNode, file: Path):
    for target in re.findall(r"\]\(([^)]+)\)", prose(lab)):
        assert (file.parent / target).exists()


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
            is_tried = "ksim-skip" in after[0].metadata.get("tags", [])
            is_another_task = after[0].metadata.get("nbgrader", {}).get("solution")
            assert is_tried or is_another_task


def solution_lines(source: str) -> set[str]:
    """The lines of a cell's solution that say something: 25 characters or more, closed up."""
    inside = re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", source, re.DOTALL)
    lines = {re.sub(r"\s+", "", line) for text in inside for line in text.splitlines()}
    return {line for line in lines if len(line) >= 25}


def test_no_cell_outside_a_solution_holds_a_line_of_one(lab: NotebookNode, expected: Expected):
    secret = set().union(*(solution_lines(cell.source) for cell in code_cells(lab)))
    assert len(secret) >= expected.secrets
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


def test_the_lab_states_its_hours_and_its_readings(lab: NotebookNode, expected: Expected):
    text = prose(lab)
    assert expected.hours in text
    assert [words for words in expected.readings if words not in text] == []


def test_there_are_hints_for_every_task(name: str, expected: Expected):
    titles = " ".join(title for title, _ in hints_of(name))
    assert [task for task in expected.tasks if task not in titles] == []
