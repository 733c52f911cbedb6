# attack: hand in checksums that say nothing was changed
# wall: test cells, their ids and points come from the gradebook
# kind: notebook
# expected_score: 2
"""Hand in checksums that say nothing was changed."""


def tamper(notebook):
    for cell in notebook["cells"]:
        data = cell["metadata"].get("nbgrader", {})
        if data:
            data["checksum"] = "0" * 32
            data["solution"] = True
