"""A notebook file as source: its code cells in order, IPython lines blanked, line numbers kept."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kernel_sim.errors import InputError
from kernel_sim.host.source_compile import compiles

SKIP_TAG: Final = "ksim-skip"
"""Cells with this tag are released demonstrations and tests: no part of the plugin."""
_MAGIC: Final = re.compile(r"^\s*[%!?]|^\s*[\w.]+\?{1,2}\s*$|^\s*[\w.,\s]+=\s*[%!]\s*\w")
_CELL_MAGIC: Final = re.compile(r"^\s*%%")


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell: ``number`` counts code cells from 1.

    ``name`` stands for a file name in reports.
    """

    number: int
    id: str
    name: str
    source: str


def read_notebook(path: Path) -> list[Cell]:
    """The code cells of the notebook at ``path`` that belong to the plugin.

    Raises:
        InputError: the file can't be read or is no notebook of format 4.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", where=str(path)) from error
    except ValueError as error:
        raise InputError("is no JSON", where=str(path), expected="a notebook") from error
    return parse_notebook(text, path.name)


def parse_notebook(text: str, name: str) -> list[Cell]:
    """The plugin's code cells of the notebook whose JSON is ``text``.

    Raises:
        InputError: the text is no notebook of format 4.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("is no JSON", where=name, expected="a notebook") from error
    return plugin_cells(document, name)


def plugin_cells(document: Any, name: str) -> list[Cell]:  # noqa: ANN401 - parsed JSON
    """The plugin's cells of a parsed notebook; ``name`` is the notebook's, for reports.

    Raises:
        InputError: ``document`` is no notebook of format 4.
    """
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list):
        raise InputError("has no list of cells", where=name, expected="a notebook of format 4")
    code = [cell for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code"]
    return [
        Cell(number, str(cell.get("id", "")), f"{name}, cell {number}", blank_magics(_text(cell)))
        for number, cell in enumerate(code, start=1)
        if SKIP_TAG not in _tags(cell)
    ]


def blank_magics(source: str) -> str:
    """``source`` with IPython lines emptied; a cell that starts with ``%%`` is emptied whole."""
    lines = source.split("\n")
    first = next((line for line in lines if line.strip()), "")
    if _CELL_MAGIC.match(first):
        return "\n" * (len(lines) - 1)
    return source if compiles(source) else "\n".join(map(_blanked, lines))


def _blanked(line: str) -> str:
    """An IPython line as one that does nothing, at the same indentation."""
    if not _MAGIC.match(line):
        return line
    indentation = line[: len(line) - len(line.lstrip())]
    return f"{indentation}pass" if indentation else ""


def _text(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _tags(cell: dict[str, Any]) -> list[str]:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return [str(tag) for tag in tags] if isinstance(tags, list) else []
