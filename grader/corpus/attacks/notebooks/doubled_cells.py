# attack: hand in every cell twice, the second time with points of one's own
# wall: test cells, their ids and points come from the gradebook
# kind: notebook
# expected_score: 2
"""Hand in every cell twice, the second time with points of one's own."""

import copy


def tamper(notebook):
    again = copy.deepcopy(notebook["cells"])
    for cell in again:
        cell["metadata"].get("nbgrader", {})["points"] = 1000
    notebook["cells"] = notebook["cells"] + again
