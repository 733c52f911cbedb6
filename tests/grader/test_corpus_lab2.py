import pytest

from kernel_sim.checks.concepts import CONCEPTS
from kernel_sim.checks.run import PRACTICE_SEED
from kernel_sim_grader.corpus import MOST_OPERATIONS, examine, specimens

ALL = specimens("lab2")
CORRECT = [specimen for specimen in ALL if specimen.kind == "correct"]
WRONG = [specimen for specimen in ALL if specimen.kind == "wrong"]
SEEDS = (1, 2, 3, 77)


def each(chosen):
    return [pytest.param(one, id=one.name) for one in chosen]


def test_the_corpus_is_large_enough():
    assert len(WRONG) >= 40
    assert len(CORRECT) >= 8


def test_every_concept_of_the_corpus_is_known():
    assert {one.concept for one in ALL} <= {*CONCEPTS, "none"}


@pytest.mark.parametrize("specimen", each(ALL))
def test_each_specimen_is_judged_as_it_should_be(specimen):
    assert examine(specimen, "lab2").complaints == ()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("specimen", each(CORRECT))
def test_a_correct_plugin_gets_full_marks_under_every_seed(specimen, seed):
    report = examine(specimen, "lab2", seed).report
    assert (report.score, report.max_score) == (90, 90)


@pytest.mark.parametrize("specimen", each(WRONG))
def test_a_wrong_plugin_is_found_under_another_seed(specimen):
    assert examine(specimen, "lab2", PRACTICE_SEED + 1).complaints == ()


def test_nobody_gets_points_for_a_starter():
    starter = next(one for one in ALL if one.name == "odd/starter")
    assert examine(starter, "lab2").report.score <= 9


def test_counterexamples_are_short_and_can_be_replayed():
    specimen = next(one for one in WRONG if one.path.stem == "cursor_never_wraps")
    finding = examine(specimen, "lab2").report["free-reuse"].result.finding
    assert len(finding.counterexample.operations) <= MOST_OPERATIONS
    assert finding.counterexample.line.startswith('replay("lab2: boot(')
    assert "before:" in finding.counterexample.picture
