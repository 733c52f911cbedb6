# attack: hand in metadata of a schema that nbgrader does not know
# wall: test cells, their ids and points come from the gradebook
# kind: notebook
# expected_score: 2
"""Hand in metadata of a schema that nbgrader does not know."""


def tamper(notebook):
    for cell in notebook["cells"]:
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"]["schema_version"] = 99
