"""A sample class: the corpus's plugins, written into the released notebook as students would."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kernel_sim.errors import InputError
from kernel_sim_grader.corpus import FOLDER, Specimen, specimens

SHARES: Final = {"correct": 4, "wrong": 8, "odd": 2}
"""How many of the class come from each part of the corpus."""
RATIONALE: Final = (
    "An unknown type is reserved: wasting memory is cheaper than writing into a device. Where "
    "entries contradict each other, the stricter one wins for the same reason."
)
MOVED: Final = "# See the first answer: all of it stands there."


@dataclass(frozen=True, slots=True)
class SampleStudent:
    """An invented student, and the plugin that was handed in."""

    name: str
    specimen: Specimen


def corpus_folder() -> Path:
    """The corpus in the repository, or the copy in an installed package."""
    return FOLDER if FOLDER.is_dir() else Path(__file__).with_name("course_data") / "corpus"


def sample_class(lab: str) -> list[SampleStudent]:
    """Fourteen students: right and wrong answers of every kind, evenly drawn from the corpus.

    Raises:
        InputError: there is no corpus of ``lab``.
    """
    found = specimens(lab, corpus_folder())
    chosen = [
        specimen
        for kind, count in SHARES.items()
        for specimen in _evenly([item for item in found if item.kind == kind], count)
    ]
    mixed = [chosen[number * 5 % len(chosen)] for number in range(len(chosen))]
    return [
        SampleStudent(f"student-{number:02}", specimen)
        for number, specimen in enumerate(mixed, start=1)
    ]


def _evenly(items: Sequence[Specimen], count: int) -> list[Specimen]:
    return [items[place * len(items) // count] for place in range(min(count, len(items)))]


def hand_in(released: Path, student: SampleStudent, target: Path) -> None:
    """Write ``student``'s notebook to ``target``.

    Raises:
        InputError: the released notebook has no cell for an answer.
    """
    notebook = json.loads(released.read_text(encoding="utf-8"))
    source = student.specimen.path.read_text(encoding="utf-8")
    answer(notebook, source, str(released))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def answer(notebook: dict[str, Any], source: str, where: str = "") -> None:
    """Put ``source`` into the first answer of ``notebook``, and a sentence where one is asked for.

    Raises:
        InputError: there is no cell for an answer.
    """
    cells = [cell for cell in notebook["cells"] if _grading(cell).get("solution")]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    if not code:
        raise InputError("the notebook has no cell for an answer", where=where)
    for cell in cells:
        cell["source"] = RATIONALE if cell["cell_type"] == "markdown" else MOVED
    code[0]["source"] = source


def _grading(cell: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = cell.get("metadata", {}).get("nbgrader", {})
    return data
