"""``ksim trace heap``: one trace or all, on one heap beside the others."""

import json

import pytest

from kernel_sim.checks.heap_contest import REFERENCES, contest, entry
from kernel_sim.cli.main import run
from kernel_sim.traces import make_trace, parse_rep, rep_text

TINY = parse_rep("0\n2\n4\n1\na 0 512\na 1 128\nf 0\nf 1\n", "tiny")

HEAP_THAT_GIVES_ONE_BLOCK_TWICE = """
from kernel_sim import HeapStats, hookimpl

@hookimpl
def heap_init(kernel, start, max_end):
    frame = kernel.hooks.pmm_alloc_frame()
    kernel.hooks.map_page(kernel.root, start, frame, 3)
    kernel.state.start = start

@hookimpl
def kmalloc(kernel, size, align):
    return kernel.state.start

@hookimpl
def kfree(kernel, ptr):
    pass

@hookimpl
def heap_stats(kernel):
    return HeapStats(0, 0, 0)
"""


@pytest.mark.parametrize("heap", REFERENCES)
def test_every_heap_of_the_package_serves_a_trace(heap):
    found = entry(heap, make_trace("boot"))
    assert found.valid, found.problem
    assert 0.1 < found.utilization <= 1
    assert found.cost >= 1
    assert found.walks >= 1


def test_utilization_is_what_was_in_use_by_what_was_held():
    found = entry("kernel_v_heap_bump", TINY)
    assert found.operations == 4
    assert found.peak_bytes == 4096
    assert found.utilization == round(640 / 4096, 4)


def test_segregated_fit_keeps_memory_fuller_than_first_fit_and_bump():
    traces = [make_trace(name) for name in ("random-small", "binary-large", "churn")]
    mean = dict.fromkeys(REFERENCES, 0.0)
    for found in contest(REFERENCES, traces):
        mean[found.heap] += found.utilization / len(traces)
    assert max(mean, key=mean.__getitem__) == "kernel_v_heap_segregated"
    assert min(mean, key=mean.__getitem__) == "kernel_v_heap_bump"


def test_a_file_is_run_and_told_as_json(tmp_path, capsys):
    path = tmp_path / "mine.rep"
    path.write_text(rep_text(TINY), encoding="utf-8")
    assert run(["trace", "heap", str(path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {"operations", "utilization", "cost", "peak_bytes", "valid"} <= document.keys()
    assert document["trace"] == "mine"
    assert document["valid"] is True


def test_a_heap_that_breaks_a_rule_is_not_valid_and_ends_with_status_1(tmp_path, capsys):
    path = tmp_path / "twice.py"
    path.write_text(HEAP_THAT_GIVES_ONE_BLOCK_TWICE, encoding="utf-8")
    assert run(["trace", "heap", "boot", "--heap", str(path)]) == 1
    printed = capsys.readouterr().out
    assert "not valid" in printed
    assert "boot: " in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["combx"], "did you mean comb?"),
        (["nowhere.rep"], "nowhere.rep: No such file"),
        (["boot", "--heap", "nobody"], "nobody"),
    ],
)
def test_what_can_not_be_run_is_one_clear_line(arguments, message, capsys):
    assert run(["trace", "heap", *arguments]) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.err.count("\n") == 1
