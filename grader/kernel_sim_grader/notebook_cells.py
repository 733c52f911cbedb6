"""Cells and outputs of a notebook as nbformat makes them, without its check of each single one.

A notebook is checked as a whole where it is written; checking its hundred cells one by one takes
longer than all else that is done with it.
"""

from collections.abc import Mapping
from typing import Any, Final

import nbformat
from nbformat import NotebookNode

CELL_TYPES: Final = ("code", "markdown", "raw")


def new_cell(
    cell_type: str, source: str, metadata: Mapping[str, Any] | None = None, cell_id: str = ""
) -> NotebookNode:
    """A cell; one without an id has to be given one before it is written."""
    cell: dict[str, Any] = {"id": cell_id, "cell_type": cell_type, "source": source}
    cell["metadata"] = metadata or {}
    if cell_type == "code":
        cell |= {"execution_count": None, "outputs": []}
    return _node(cell)


def new_output(
    output_type: str, data: Mapping[str, str], execution_count: int | None = None
) -> NotebookNode:
    """An output with ``data`` by media type; only a result has an execution count."""
    output: dict[str, Any] = {"output_type": output_type, "metadata": {}, "data": data}
    if execution_count is not None:
        output["execution_count"] = execution_count
    return _node(output)


def _node(item: Mapping[str, Any]) -> NotebookNode:
    node: NotebookNode = nbformat.from_dict(item)
    return node
