# attack: write one's own tests into the test cells
# wall: test cells, their ids and points come from the gradebook
# kind: notebook
# expected_score: 2
"""Write one's own tests into the test cells."""


def tamper(notebook):
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade") and cell["cell_type"] == "code":
            cell["source"] = "1000"
            cell["metadata"]["nbgrader"]["locked"] = False
