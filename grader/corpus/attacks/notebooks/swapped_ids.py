# attack: give the answer's cell the id of a test and the test's the id of the answer
# wall: test cells, their ids and points come from the gradebook
# kind: notebook
# expected_score: 2
"""Give the answer's cell the id of a test and the test's the id of the answer."""


def tamper(notebook):
    found = [cell["metadata"]["nbgrader"] for cell in notebook["cells"] if "nbgrader" in cell["metadata"]]
    names = [data["grade_id"] for data in found]
    for data, name in zip(found, reversed(names), strict=True):
        data["grade_id"] = name
