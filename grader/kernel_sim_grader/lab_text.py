"""Lab texts: MyST Markdown as jupytext reads it, and the one way in which we write it.

Two texts can stand for the same notebook; a lab is committed in the form that `canonical` gives,
so that a change in a text is a change of the lab. ``python -m kernel_sim_grader.lab_text FILES``
names the files that have another form, with ``--fix`` it rewrites them.
"""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jupytext
import yaml
from jupytext.myst import MystMetadataParsingError
from nbformat import NotebookNode

from kernel_sim.errors import InputError

HEADER: Final = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3 (ipykernel)
  language: python
  name: python3
---"""

_ERROR: Final = re.compile(r"at line (\d+) could not be read: (.*)", re.DOTALL)
_FENCE: Final = "```"
_UNBROKEN: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class LabText:
    """A lab's text and the notebook that jupytext makes of it."""

    file: Path
    text: str
    notebook: NotebookNode

    def line_of(self, grade_id: str) -> int:
        """The line of the metadata that names ``grade_id``, counted from 1; 1 if none does."""
        words = re.compile(rf"""grade_id["']?\s*:\s*["']?{re.escape(grade_id)}["']?\s*[,}}\n]""")
        found = words.search(self.text)
        return self.text.count("\n", 0, found.start()) + 1 if found else 1

    def line_of_source(self, source: str) -> int:
        """The line where a cell's ``source`` begins, counted from 1."""
        return self.text.count("\n", 0, max(0, self.text.find(source))) + 1

    def error(self, grade_id: str, problem: str, expected: str = "") -> InputError:
        """What is wrong with the cell ``grade_id``, with file and line."""
        where = f"{self.file}:{self.line_of(grade_id)}: {grade_id}"
        return InputError(problem, where=where, expected=expected)


def read_lab(file: Path) -> LabText:
    """The lab that ``file`` holds.

    Raises:
        InputError: it can't be read, or a cell's metadata are not YAML or JSON.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(error.strerror or "it can't be read", where=str(file)) from None
    except UnicodeDecodeError:
        raise InputError("this is not UTF-8 text", where=str(file)) from None
    try:
        return LabText(file, text, jupytext.reads(text, fmt="md:myst"))
    except MystMetadataParsingError as error:
        found = _ERROR.search(str(error))
        line, problem = (found[1], found[2].splitlines()[0]) if found else ("1", str(error))
        message = f"a cell's metadata can't be read: {problem.rstrip('; ')}"
        raise InputError(message, where=f"{file}:{line}") from None


def canonical(lab: LabText) -> str:
    """The lab's text in the one form: our header, one line for each metadata key of a cell."""
    parts = [HEADER]
    after_markdown = False
    for cell in lab.notebook.cells:
        is_markdown = cell.cell_type == "markdown"
        if is_markdown and cell.metadata:
            parts.append(f"+++ {json.dumps(cell.metadata, ensure_ascii=False)}")
        elif is_markdown and after_markdown:
            parts.append("+++")
        parts.append(cell.source if is_markdown else _code(cell))
        after_markdown = is_markdown
    return "\n\n".join(parts) + "\n"


def _code(cell: NotebookNode) -> str:
    """A code cell as a MyST directive."""
    fence = _FENCE
    while fence in cell.source:
        fence += "`"
    options = [f":{key}: {_one_line(value)}\n" for key, value in cell.metadata.items()]
    gap = "\n" if cell.source.startswith((":", "---")) else ""
    source = f"{cell.source}\n" if cell.source else ""
    return f"{fence}{{code-cell}} ipython3\n{''.join(options)}{gap}{source}{fence}"


def _one_line(value: object) -> str:
    """``value`` as YAML on one line."""
    plain = json.loads(json.dumps(value))
    text = yaml.safe_dump(
        plain, default_flow_style=True, sort_keys=False, width=_UNBROKEN, allow_unicode=True
    )
    return text.removesuffix("\n").removesuffix("\n...")


def main(words: list[str]) -> int:
    """Check, or with ``--fix`` rewrite, the lab texts named.

    Returns:
        1 if one had another form, 2 if one can't be read, else 0.
    """
    fix = "--fix" in words
    try:
        lines = [_check(Path(word), fix=fix) for word in words if word != "--fix"]
    except InputError as error:
        sys.stdout.write(f"{error}\n")
        return 2
    sys.stdout.writelines(lines)
    return 1 if any(lines) else 0


def _check(file: Path, *, fix: bool) -> str:
    """A line that says where ``file`` is not canonical, or nothing; with ``fix`` it is mended."""
    lab = read_lab(file)
    wanted = canonical(lab)
    if wanted == lab.text:
        return ""
    if fix:
        file.write_text(wanted, encoding="utf-8", newline="\n")
    line = _first_difference(lab.text, wanted)
    return f"{file}:{line}: {'was' if fix else 'is'} not in the canonical form of lab texts\n"


def _first_difference(text: str, other: str) -> int:
    """The first line, counted from 1, in which two texts differ."""
    lines, others = text.splitlines(), other.splitlines()
    pairs = enumerate(zip(lines, others, strict=False), start=1)
    end = min(len(lines), len(others)) + 1
    return next((number for number, (line, wanted) in pairs if line != wanted), end)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
