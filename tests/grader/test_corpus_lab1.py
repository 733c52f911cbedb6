from dataclasses import replace

import pytest

from kernel_sim.checks.concepts import CONCEPTS
from kernel_sim.checks.run import PRACTICE_SEED
from kernel_sim_grader.corpus import examine, failing_seeds, main, specimens

ALL = specimens("lab1")
CORRECT = [specimen for specimen in ALL if specimen.kind == "correct"]
SLOW = {"wrong/count_u32", "odd/endless_loop", "odd/loop_on_empty_entry"}


def each(chosen):
    return [
        pytest.param(one, id=one.name, marks=[pytest.mark.slow] if one.name in SLOW else [])
        for one in chosen
    ]


def quick():
    return [one for one in ALL if one.kind == "wrong" and one.name not in SLOW]


def test_the_corpus_is_large_enough():
    kinds = [specimen.kind for specimen in ALL]
    assert kinds.count("wrong") >= 30
    assert kinds.count("correct") >= 8


def test_every_concept_of_the_corpus_is_known():
    assert {one.concept for one in ALL} <= {*CONCEPTS, "none"}


@pytest.mark.parametrize("specimen", each(ALL))
def test_each_specimen_is_judged_as_it_should_be(specimen):
    assert examine(specimen, "lab1").complaints == ()


@pytest.mark.parametrize("seed", [1, 2, 3, 77])
@pytest.mark.parametrize("specimen", each(CORRECT))
def test_a_correct_plugin_gets_full_marks_under_every_seed(specimen, seed):
    report = examine(specimen, "lab1", seed).report
    assert report.score == 90
    assert report.max_score == 90


@pytest.mark.parametrize("specimen", each(quick()))
def test_a_wrong_plugin_is_found_under_another_seed(specimen):
    assert examine(specimen, "lab1", PRACTICE_SEED + 1).complaints == ()


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
