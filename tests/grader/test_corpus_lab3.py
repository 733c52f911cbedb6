"""Lab 3's corpus: every wrong plugin is named, every correct one gets full marks.

Here each wrong one runs the check that names it; ``make corpus`` runs all checks on all of them.
"""

import pytest

from kernel_sim.checks.concepts import CONCEPTS
from kernel_sim.checks.run import PRACTICE_SEED
from kernel_sim_grader.corpus import MOST_OPERATIONS, examine, examine_named, main, specimens

ALL = specimens("lab3")
CORRECT = [specimen for specimen in ALL if specimen.kind == "correct"]
WRONG = [specimen for specimen in ALL if specimen.kind != "correct"]


def each(chosen):
    return [pytest.param(one, id=one.name) for one in chosen]


def test_the_corpus_is_large_enough():
    kinds = [specimen.kind for specimen in ALL]
    assert kinds.count("wrong") >= 100
    assert kinds.count("correct") >= 12


def test_every_concept_of_the_corpus_is_known():
    assert {one.concept for one in ALL} <= {*CONCEPTS, "none"}


@pytest.mark.parametrize("specimen", each(WRONG))
def test_each_wrong_specimen_is_named(specimen):
    assert examine_named(specimen, "lab3") == ()


@pytest.mark.parametrize("seed", [PRACTICE_SEED, 77])
@pytest.mark.parametrize("specimen", each(CORRECT))
def test_a_correct_plugin_gets_full_marks(specimen, seed):
    examined = examine(specimen, "lab3", seed)
    assert examined.complaints == ()
    assert (examined.report.score, examined.report.max_score) == (90, 90)


def test_an_empty_starter_earns_no_more_than_nine_points():
    (starter,) = [one for one in ALL if one.name == "odd/empty_starter"]
    examined = examine(starter, "lab3")
    assert examined.complaints == ()
    assert examined.report.score <= 9


def test_a_quick_look_complains_when_the_check_names_something_else():
    (specimen,) = [one for one in ALL if one.name == "wrong/index_not_scaled"]
    other = type(specimen)(specimen.path, "wrong", "order", specimen.check, 0)
    (complaint,) = examine_named(other, "lab3")
    assert complaint.startswith(f"{specimen.check} named {specimen.concept}")


def test_counterexamples_are_short_and_can_be_replayed():
    (specimen,) = [one for one in ALL if one.name == "wrong/unmap_leaves_present"]
    finding = examine(specimen, "lab3").report["map-unmap"].result.finding
    assert len(finding.counterexample.operations) <= MOST_OPERATIONS
    assert finding.counterexample.line.startswith('replay("lab3: boot(')


def test_the_matrix_is_printed_in_full_whatever_the_screen(monkeypatch, capsys):
    widest = max(ALL, key=lambda one: (len(one.name) + len(one.concept), one.name))
    monkeypatch.setattr("kernel_sim_grader.corpus.specimens", lambda _: [widest])
    assert main(["lab3"]) == 0
    out = capsys.readouterr().out
    (row,) = (line for line in out.splitlines() if widest.name in line)
    assert widest.concept in row
    assert f" {widest.expected_score:g} " in row
    assert "…" not in out
