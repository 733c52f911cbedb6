"""Writes the tables of requirements in docs/reference: ``python docs/generate_requirements.py``.

A table stands at the end of a profile's page, under the heading *Requirements*. Its rows come from
three places: the sentence from docs/requirements.toml, the modules from docstrings that name the
id, the number of tests from their names (``test_bo_12_...``). ``--check`` writes nothing and ends
with status 1 if a page is not what would be written, or a row has an empty cell.
"""

import ast
import re
import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
SENTENCES: Final = ROOT / "docs" / "requirements.toml"
HEADING: Final = "## Requirements\n"
HEAD: Final = "\nWritten by `make docs`.\n\n| id | in short | where | tests |\n|---|---|---|---|\n"
_RANGE: Final = re.compile(r"\b([A-Z]{2})-(\d+)(?: to (?:\1-)?(\d+))?")


def page(profile: str, text: str) -> str:
    """The page ``text`` of ``profile`` with its table renewed."""
    above, _, _ = text.partition(HEADING)
    described = tomllib.loads(SENTENCES.read_text(encoding="utf-8"))[profile]
    package = profile.replace("-", "_")
    modules = modules_naming(ROOT / "plugins" / f"kernel_sim_{package}")
    modules = _joined(modules, modules_naming(ROOT / "kernel_sim" / "profiles", package))
    tests = tests_naming(ROOT / "tests" / "plugins" / package)
    rows = [
        _row(identifier, sentence, sorted(modules[identifier]), tests[identifier])
        for identifier, sentence in described.items()
    ]
    return above + HEADING + HEAD + "".join(rows)


def _row(identifier: str, sentence: str, modules: list[str], tests: list[str]) -> str:
    where = " ".join(f"`{name}`" for name in modules)
    files = ", ".join(f"{tests.count(name)} in `{name}`" for name in dict.fromkeys(tests))
    return f"| {identifier} | {sentence} | {where} | {files} |\n"


def modules_naming(folder: Path, only: str = "*") -> dict[str, set[str]]:
    """Requirement → the modules in ``folder`` whose docstrings name it."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted(folder.glob(f"{only}.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for seed, first, last in _RANGE.findall(node.value):
                    for number in range(int(first), int(last or first) + 1):
                        found[f"{seed}-{number}"].add(path.name)
    return found


def _joined(one: dict[str, set[str]], other: dict[str, set[str]]) -> dict[str, set[str]]:
    joined: dict[str, set[str]] = defaultdict(set)
    for part in (one, other):
        for identifier, names in part.items():
            joined[identifier] |= names
    return joined


def tests_naming(folder: Path) -> dict[str, list[str]]:
    """Requirement → the file of each test whose name begins with it."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(folder.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = isinstance(node, ast.FunctionDef) and re.match(
                r"test_([a-z]{2})_(\d+)_", node.name
            )
            if named:
                found[f"{named[1].upper()}-{named[2]}"].append(path.name)
    return found


def main() -> None:
    """Write the pages, or compare them."""
    wrong = []
    for profile in tomllib.loads(SENTENCES.read_text(encoding="utf-8")):
        path = ROOT / "docs" / "reference" / f"{profile}.md"
        text = path.read_text(encoding="utf-8")
        renewed = page(profile, text)
        wrong += [f"{path.name}: {row}" for row in renewed.splitlines() if "|  |" in row]
        if renewed != text:
            wrong.append(f"{path.name}: run make docs")
        if "--check" not in sys.argv[1:]:
            path.write_text(renewed, encoding="utf-8")
    if "--check" in sys.argv[1:] and wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
