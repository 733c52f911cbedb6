"""Lab texts: what is read, where a mistake is, and the one form in which they are committed."""

from pathlib import Path

import pytest

from kernel_sim.errors import InputError
from kernel_sim_grader.lab_text import HEADER, canonical, main, read_lab

ROOT = Path(__file__).parents[2]
LABS = sorted((ROOT / "labs").glob("*/lab.md"))

BODY = """

# Title

+++

Two text cells in a row.

```{code-cell} ipython3
:tags: [ksim-skip]
:nbgrader: {grade_id: one, locked: true}
print("one")
```

+++ {"nbgrader": {"grade_id": "why", "grade": true, "solution": true}}

Because.

````{code-cell} ipython3
fence = "```"
````

```{code-cell} ipython3

:not: metadata
```
"""


def lab_file(folder: Path, text: str) -> Path:
    file = folder / "lab.md"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("file", LABS, ids=lambda file: file.parent.name)
def test_every_lab_is_committed_in_the_canonical_form(file):
    lab = read_lab(file)
    assert canonical(lab) == lab.text


def test_the_canonical_form_stands_for_the_same_notebook(tmp_path):
    lab = read_lab(lab_file(tmp_path, HEADER + BODY))
    assert canonical(lab) == HEADER + BODY
    cells = [(c.cell_type, c.source, dict(c.metadata)) for c in lab.notebook.cells]
    kinds = "markdown markdown code markdown code code"
    assert " ".join(kind for kind, _, _ in cells) == kinds
    assert cells[2][2]["nbgrader"] == {"grade_id": "one", "locked": True}
    assert cells[4][1] == 'fence = "```"'
    assert cells[5][1] == ":not: metadata"


def test_what_jupytext_writes_becomes_canonical(tmp_path):
    block = '---\nnbgrader:\n  grade_id: one\n  locked: true\ntags: [ksim-skip]\n---\nprint("one")'
    line = ':nbgrader: {grade_id: one, locked: true}\n:tags: [ksim-skip]\nprint("one")'
    text = "{}\n\n```{{code-cell}} ipython3\n{}\n```\n"
    file = lab_file(tmp_path, text.format(HEADER, block))
    assert main([str(file)]) == 1
    assert main(["--fix", str(file)]) == 1
    assert file.read_text(encoding="utf-8") == text.format(HEADER, line)
    assert main([str(file)]) == 0


def test_the_first_line_that_differs_is_named(tmp_path, capsys):
    file = lab_file(tmp_path, HEADER + BODY.replace("# Title\n", "# Title\n\n"))
    assert main([str(file)]) == 1
    assert f"lab.md:{HEADER.count(chr(10)) + 5}: is not in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("cell", "line", "problem"),
    [
        ("```{code-cell} ipython3\n:nbgrader: {grade_id: x\n1\n```", 12, "Invalid YAML"),
        ("text\n\n+++ {grade_id}\n\ntext", 14, "Expecting property name"),
    ],
)
def test_metadata_that_can_not_be_read_are_named_by_line(tmp_path, cell, line, problem):
    with pytest.raises(InputError) as caught:
        read_lab(lab_file(tmp_path, f"{HEADER}\n\n{cell}\n"))
    assert f"lab.md:{line}: a cell's metadata can't be read: {problem}" in str(caught.value)


def test_a_lab_that_is_not_there_ends_the_check_with_one_line(tmp_path, capsys):
    assert main([str(tmp_path / "lab.md")]) == 2
    assert capsys.readouterr().out.endswith("lab.md: No such file or directory\n")


def test_a_grade_id_is_found_in_either_kind_of_metadata(tmp_path):
    lab = read_lab(lab_file(tmp_path, HEADER + BODY))
    lines = lab.text.splitlines()
    assert "grade_id: one" in lines[lab.line_of("one") - 1]
    assert '"grade_id": "why"' in lines[lab.line_of("why") - 1]
    assert lab.line_of("on") == 1
