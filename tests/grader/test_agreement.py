"""A worker and this process judge alike: scores, rules, messages and counterexamples."""

import pytest

from kernel_sim.checks.local_bench import LocalBench
from kernel_sim.checks.registry import lab_roles
from kernel_sim.checks.run import run_checks
from kernel_sim_grader.corpus import specimens
from kernel_sim_grader.grading import end_workers, grade_text
from kernel_sim_grader.sample_class import corpus_folder, sample_class

pytestmark = pytest.mark.slow
LAB = "lab1"
SEED = 424_242
COMPARED = ("id", "status", "points", "max_points", "rule", "message", "parts", "counterexample")
SPECIMENS = [(LAB, student.specimen) for student in sample_class(LAB)]
SPECIMENS += [
    (lab, specimen)
    for lab in ("lab3", "lab5")
    for specimen in specimens(lab, corpus_folder())[::40]
    if specimen.kind != "odd"
]
"""Of those labs of which the log of operations is executed again, a few."""


@pytest.fixture(scope="module", autouse=True)
def _workers():
    yield
    end_workers()


@pytest.mark.parametrize(
    ("lab", "specimen"), SPECIMENS, ids=lambda item: getattr(item, "name", item)
)
def test_a_plugin_is_judged_alike_on_both_sides_of_the_boundary(lab, specimen):
    text, name = specimen.path.read_text(encoding="utf-8"), specimen.path.name
    there = grade_text(text, lab, name, SEED, sandbox="none")
    here = run_checks(lab, lambda: LocalBench(str(specimen.path), lab_roles(lab)), SEED)
    assert [{key: check[key] for key in COMPARED} for check in there.checks] == [
        {key: check[key] for key in COMPARED} for check in here.as_json()["checks"]
    ]
    assert (there.score, there.seed) == (here.score, SEED)
