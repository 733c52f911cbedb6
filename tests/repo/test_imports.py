"""What an import costs: the library is pluggy and the standard library, with or without extras."""

import subprocess
import sys

import pytest

THIRD_PARTY = """
import sys
before = set(sys.modules)
{statement}
tops = {{name.partition(".")[0] for name in set(sys.modules) - before}}
ours = {{name for name in tops if name.startswith(("kernel_sim", "_sysconfigdata"))}}
print(*sorted(tops - ours - set(sys.stdlib_module_names) - {{"__mp_main__"}}))
"""


def third_party(statement: str) -> list[str]:
    """The packages from elsewhere that ``statement`` imports in a new interpreter."""
    result = subprocess.run(
        [sys.executable, "-c", THIRD_PARTY.format(statement=statement)],
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.split()


@pytest.mark.parametrize(
    "statement",
    [
        "import kernel_sim",
        "from kernel_sim.machine import Machine, machine_spec; Machine(machine_spec('pc4'))",
        "from kernel_sim.boot import boot; assert boot(machine='pc128').oops is None",
    ],
)
def test_the_library_imports_pluggy_alone(statement):
    assert third_party(statement) == ["pluggy"]


def test_asking_for_help_imports_no_grader():
    names = third_party("from kernel_sim.cli.main import run; assert run(['machines']) == 0")
    assert {"nbgrader", "jupytext", "hypothesis", "numpy", "unicorn"}.isdisjoint(names)
