# attack: hand in a notebook without its test cells
# wall: test cells, their ids and points come from the gradebook
# kind: notebook
# expected_score: 2
"""Hand in a notebook without its test cells."""


def tamper(notebook):
    notebook["cells"] = [
        cell for cell in notebook["cells"] if not cell["metadata"].get("nbgrader", {}).get("grade")
    ]
