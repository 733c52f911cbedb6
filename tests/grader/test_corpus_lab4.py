"""Lab 4's corpus: every wrong plugin is named, every correct one gets full marks.

Here each wrong one runs the check that names it; ``make corpus`` runs all checks on all of them.
"""

import pytest

from kernel_sim.checks.concepts import CONCEPTS
from kernel_sim.checks.run import PRACTICE_SEED
from kernel_sim_grader.corpus import (
    MOST_OPERATIONS,
    examine,
    examine_named,
    specimens,
    summary,
)

ALL = specimens("lab4")
CORRECT = [specimen for specimen in ALL if specimen.kind == "correct"]
WRONG = [specimen for specimen in ALL if specimen.kind != "correct"]


def each(chosen):
    return [pytest.param(one, id=one.name) for one in chosen]


def test_the_corpus_is_large_enough():
    kinds = [specimen.kind for specimen in ALL]
    assert kinds.count("wrong") >= 85
    assert kinds.count("correct") >= 10


def test_every_concept_of_the_corpus_is_known():
    assert {one.concept for one in ALL} <= {*CONCEPTS, "none"}


@pytest.mark.parametrize("specimen", each(WRONG))
def test_each_wrong_specimen_is_named(specimen):
    assert examine_named(specimen, "lab4") == ()


@pytest.mark.parametrize("seed", [PRACTICE_SEED, 77])
@pytest.mark.parametrize("specimen", each(CORRECT))
def test_a_correct_plugin_gets_the_points_of_its_tier(specimen, seed):
    examined = examine(specimen, "lab4", seed)
    assert examined.complaints == ()
    full = 63 if specimen.path.stem in {"bump", "stack"} else 90
    assert (examined.report.score, examined.report.max_score) == (full, 90)


@pytest.mark.parametrize("name", ["odd/starter", "odd/all_none", "odd/empty"])
def test_who_serves_nothing_earns_no_more_than_nine_points(name):
    (specimen,) = [one for one in ALL if one.name == name]
    examined = examine(specimen, "lab4")
    assert examined.complaints == ()
    assert examined.report.score <= 9


def test_counterexamples_are_short_and_can_be_replayed():
    (specimen,) = [one for one in ALL if one.name == "wrong/never_coalesces"]
    finding = examine(specimen, "lab4").report["reuse"].result.finding
    assert len(finding.counterexample.operations) <= MOST_OPERATIONS
    assert finding.counterexample.line.startswith('replay("lab4: boot(')


def test_the_summary_says_what_checks_cost_and_which_counterexamples_are_long():
    chosen = [one for one in ALL if one.name in {"wrong/rounds_to_kilobytes", "correct/buddy"}]
    lines = list(summary([examine(specimen, "lab4") for specimen in chosen]))
    assert lines[0].startswith("wrong: 1 plugins, ")
    assert lines[1].startswith("correct: 1 plugins, ")
    assert lines[2] == "0 of 1 wrong plugins show at most 8 operations"
    assert lines[3].startswith("  long: wrong/rounds_to_kilobytes, hidden-reuse: ")
