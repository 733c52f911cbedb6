# attack: add a test cell that gives a thousand points
# wall: test cells, their ids and points come from the gradebook
# kind: notebook
# expected_score: 2
"""Add a test cell that gives a thousand points."""


def tamper(notebook):
    data = {
        "grade_id": "mine",
        "grade": True,
        "solution": False,
        "task": False,
        "locked": True,
        "points": 1000,
        "schema_version": 3,
        "cell_type": "code",
    }
    cell = {"cell_type": "code", "metadata": {"nbgrader": data}, "source": "1000", "outputs": []}
    notebook["cells"].append({**cell, "execution_count": None, "id": "mine"})
