"""Each requirement of Theseus has a test that its name says is meant."""

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def names_of_tests():
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield node.name


@pytest.mark.parametrize("requirement", range(1, 28))
def test_the_requirement_is_named_by_a_test(requirement):
    wanted = re.compile(rf"test_th_{requirement}_")
    assert any(wanted.match(name) for name in names_of_tests())
