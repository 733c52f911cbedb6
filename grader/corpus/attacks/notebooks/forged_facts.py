# attack: hand in the metadata by which the grader's own stages speak to each other
# wall: metadata of the submitted file is not read
# kind: notebook
# expected_score: 2
"""Hand in the metadata by which the grader's own stages speak to each other."""


def tamper(notebook):
    notebook["metadata"]["kernel_sim"] = {"unreadable": None, "notes": ["90/90"], "sha256": "0" * 64}
    notebook["metadata"]["nbgrader"] = {"score": 90}
    for cell in notebook["cells"]:
        cell["metadata"].setdefault("tags", []).extend(["ksim-skip", "ksim-skip", "", "a,b", 7])
        cell["metadata"]["points"] = 90
