"""Writes docs/reference/coverage.md, which requirement is covered by what.

Run ``python docs/generate_coverage.py``. The checks are those of the registry, the plugins those
whose docstrings name the id, the tests those whose names begin with it (``test_kv_12_...``).
``--check`` writes nothing and ends with status 1 if the page is not what would be written, or a
cell is empty.
"""

import sys
import tomllib
from collections import defaultdict
from typing import Final

from generate_requirements import ROOT, modules_naming, tests_naming

from kernel_sim.checks.registry import checks_for

PAGE: Final = ROOT / "docs" / "reference" / "coverage.md"
HEAD: Final = """# Coverage of the requirements

Written by `make docs`: each requirement of the Kernel-V design, the checks that judge it in which
lab, the plugin modules of the reference that meet it, and the tests of those.

| id | in short | checks | labs | plugin modules | tests |
|---|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    given = tomllib.loads((ROOT / "docs" / "coverage.toml").read_text(encoding="utf-8"))
    checks, labs = _checks()
    modules = modules_naming(ROOT / "plugins" / "kernel_sim_kernel_v")
    tests = tests_naming(ROOT / "tests" / "plugins" / "kernel_v")
    rows = []
    for name, sentence in given["sentences"].items():
        cells = [
            name,
            sentence,
            given["checks"].get(name) or _quoted(checks[name]),
            given["labs"].get(name) or ", ".join(sorted(labs[name])),
            given["plugins"].get(name) or _quoted(sorted(modules[name])),
            _quoted(sorted({*tests[name]})),
        ]
        rows.append(f"| {' | '.join(cells)} |\n")
    return HEAD + "".join(rows)


def _checks() -> tuple[dict[str, list[str]], dict[str, set[str]]]:
    """Requirement → its checks, and the numbers of their labs."""
    checks: dict[str, list[str]] = defaultdict(list)
    labs: dict[str, set[str]] = defaultdict(set)
    for number in "12345":
        for check in checks_for(f"lab{number}"):
            for requirement in check.requirements:
                checks[requirement].append(check.id)
                labs[requirement].add(number)
    return checks, labs


def _quoted(names: list[str]) -> str:
    return " ".join(f"`{name}`" for name in names)


def main() -> None:
    """Write the page, or compare it."""
    text = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
        return
    wrong = [row for row in text.splitlines() if "|  |" in row]
    if not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
        wrong.append("coverage.md: run make docs")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
