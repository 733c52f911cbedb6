# attack: raise the points of every test cell
# wall: test cells, their ids and points come from the gradebook
# kind: notebook
# expected_score: 2
"""Raise the points of every test cell."""


def tamper(notebook):
    for cell in notebook["cells"]:
        data = cell["metadata"].get("nbgrader", {})
        if data.get("grade"):
            data["points"] = 1000
