# attack: give the test cells other grade ids
# wall: test cells, their ids and points come from the gradebook
# kind: notebook
# expected_score: 2
"""Give the test cells other grade ids."""


def tamper(notebook):
    for number, cell in enumerate(notebook["cells"]):
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"]["grade_id"] = f"mine-{number}"
