"""Lab 1's corpus: every wrong plugin is named, every correct one gets full marks.

Here each wrong one runs the check that names it; ``make corpus`` runs all checks on all of them.
"""

from dataclasses import replace

import pytest

from kernel_sim.checks.concepts import CONCEPTS
from kernel_sim.checks.run import PRACTICE_SEED
from kernel_sim_grader.corpus import examine, examine_named, failing_seeds, main, specimens

ALL = specimens("lab1")
CORRECT = [specimen for specimen in ALL if specimen.kind == "correct"]
WRONG = [specimen for specimen in ALL if specimen.kind != "correct"]


def each(chosen):
    return [pytest.param(one, id=one.name) for one in chosen]


def test_the_corpus_is_large_enough():
    kinds = [specimen.kind for specimen in ALL]
    assert kinds.count("wrong") >= 30
    assert kinds.count("correct") >= 8


def test_every_concept_of_the_corpus_is_known():
    assert {one.concept for one in ALL} <= {*CONCEPTS, "none"}


@pytest.mark.parametrize("specimen", each(WRONG))
def test_each_wrong_specimen_is_named(specimen):
    assert examine_named(specimen, "lab1") == ()


@pytest.mark.parametrize("seed", [PRACTICE_SEED, 77])
@pytest.mark.parametrize("specimen", each(CORRECT))
def test_a_correct_plugin_gets_full_marks(specimen, seed):
    examined = examine(specimen, "lab1", seed)
    assert examined.complaints == ()
    assert (examined.report.score, examined.report.max_score) == (90, 90)


def test_an_empty_starter_earns_no_more_than_nine_points():
    starters = [one for one in ALL if one.name in {"odd/starter", "odd/empty_starter"}]
    assert starters
    for starter in starters:
        examined = examine(starter, "lab1")
        assert examined.complaints == ()
        assert examined.report.score <= 9


def test_the_matrix_names_what_is_not_as_it_should_be(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "lab1" / "wrong"
    folder.mkdir(parents=True)
    (folder / "fine.py").write_text(
        "# concept: order\n# check: order-overlap\n# expected_score: 1\n"
        "from kernel_sim_kernel_v.memmap import describe_region, parse_memory_map\n"
    )
    monkeypatch.setattr("kernel_sim_grader.corpus.FOLDER", tmp_path)
    monkeypatch.setattr(specimens, "__defaults__", (tmp_path,))
    assert main(["lab1"]) == 1
    out = capsys.readouterr().out
    assert "score 90, expected 1" in out
    assert "order-overlap found nothing" in out


def test_a_correct_plugin_that_fails_under_some_seed_is_named(monkeypatch):
    one = CORRECT[0]
    monkeypatch.setattr("kernel_sim_grader.corpus.specimens", lambda _: [one])
    assert list(failing_seeds("lab1", 2)) == []
    poor = replace(one, path=next(x.path for x in ALL if x.name == "odd/empty_list"))
    monkeypatch.setattr("kernel_sim_grader.corpus.specimens", lambda _: [poor])
    first, *_ = failing_seeds("lab1", 2)
    assert first.startswith("correct/empty_list, seed 1: score")
