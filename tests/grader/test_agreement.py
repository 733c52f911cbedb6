"""A worker and this process judge alike: scores, rules, messages and counterexamples."""

import pytest

from kernel_sim.checks.local_bench import LocalBench
from kernel_sim.checks.registry import lab_roles
from kernel_sim.checks.run import run_checks
from kernel_sim_grader.grading import end_workers, grade_text
from kernel_sim_grader.sample_class import sample_class

pytestmark = pytest.mark.slow
LAB = "lab1"
SEED = 424_242
COMPARED = ("id", "status", "points", "max_points", "rule", "message", "parts", "counterexample")
SPECIMENS = [student.specimen for student in sample_class(LAB)]


@pytest.fixture(scope="module", autouse=True)
def _workers():
    yield
    end_workers()


@pytest.mark.parametrize("specimen", SPECIMENS, ids=lambda specimen: specimen.name)
def test_a_plugin_is_judged_alike_on_both_sides_of_the_boundary(specimen):
    text, name = specimen.path.read_text(encoding="utf-8"), specimen.path.name
    there = grade_text(text, LAB, name, SEED, sandbox="none")
    here = run_checks(LAB, lambda: LocalBench(str(specimen.path), lab_roles(LAB)), SEED)
    assert [{key: check[key] for key in COMPARED} for check in there.checks] == [
        {key: check[key] for key in COMPARED} for check in here.as_json()["checks"]
    ]
    assert (there.score, there.seed) == (here.score, SEED)
