import json

import pytest

from kernel_sim import MemoryRegion, RegionKind, hookimpl
from kernel_sim.checks.local_bench import LocalBench
from kernel_sim.checks.replay import load_replay, parse_line, read_replay
from kernel_sim.checks.replay_run import run_replay, verdict_of
from kernel_sim.checks.run import run_checks
from kernel_sim.cli.main import run as ksim
from kernel_sim.errors import InputError

LINES = [
    "24 0x100000+0x100000:1 0x200000+0x1000:2",
    "20 0x100000+0x100000:1; 24 0x100000+0x100000:1",
    "count 0 24 0x100000+0x100000:1",
    "describe 0x100000+0x1000:2",
    "screen 24 0x100000+0x100000:1",
]


class Careless:
    """Calls everything available, and lists no type."""

    @hookimpl
    def parse_memory_map(self):
        return [MemoryRegion(0x100000, 0x200000, RegionKind.AVAILABLE)]

    @hookimpl
    def describe_region(self, region):
        return hex(region.base)


def careless():
    return LocalBench(Careless(), ["memmap"])


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_read_back_from_its_replay(line):
    replay = parse_line(line)
    assert str(replay) == line
    assert read_replay(json.loads(json.dumps(replay.as_json()))) == replay


@pytest.mark.parametrize("line", LINES)
def test_the_reference_passes_each_replay(line):
    steps = run_replay(parse_line(line), LocalBench("kernel_v_memmap", ["memmap"]))
    assert verdict_of(steps) == "passed"


@pytest.mark.parametrize("line", [LINES[0], LINES[2], LINES[3]])
def test_a_careless_plugin_fails_them(line):
    steps = run_replay(parse_line(line), careless())
    assert verdict_of(steps) == "failed"


def test_every_counterexample_fails_again_when_it_is_replayed():
    report = run_checks("lab1", careless, 3)
    cases = [item.result.finding.counterexample for item in report.reports if item.result.finding]
    assert len(cases) > 5
    for case in cases:
        replay = read_replay(json.loads(json.dumps(case.as_json())))
        assert verdict_of(run_replay(replay, careless())) == "failed"
        assert case.line == f"replay({str(replay)!r})"


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"format": 2},
        {"format": 1, "lab": "lab9", "steps": []},
        {"format": 1, "lab": "lab1", "steps": []},
        {"format": 1, "lab": "lab1", "steps": [{"call": "pmm_init"}]},
        {"format": 1, "lab": "lab1", "steps": [{"boot": {"entries": [{}]}}]},
        {"format": 1, "lab": "lab1", "steps": [{"boot": 5}]},
        {"format": 1, "lab": "lab1", "steps": [{"call": "describe_region"}]},
        {"format": 1, "lab": "lab1", "seed": "x", "steps": [{"call": "parse_memory_map"}]},
        {"format": 1, "lab": "lab1", "steps": [{"call": "parse_memory_map", "count": "x"}]},
    ],
)
def test_a_document_that_is_no_replay_is_refused(document):
    with pytest.raises(InputError):
        read_replay(document)


def test_a_file_that_is_no_json_is_refused(tmp_path):
    path = tmp_path / "case.json"
    path.write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        load_replay(path)
    with pytest.raises(InputError):
        load_replay(tmp_path / "none.json")


def test_ksim_replay_says_what_happened(tmp_path, capsys):
    path = tmp_path / "case.json"
    path.write_text(json.dumps(parse_line(LINES[0]).as_json()))
    assert ksim(["replay", str(path), "--memmap", "kernel_v_memmap", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["verdict"] == "passed"
    assert [step["ok"] for step in document["steps"]] == [None, True]
    assert ksim(["replay", str(path)]) == 0
    assert "parse_memory_map: 2 regions" in capsys.readouterr().out
    assert ksim(["replay", str(tmp_path / "none.json")]) == 2


def test_ksim_check_reports_and_its_status_says_whether_all_is_well(tmp_path, capsys):
    assert ksim(["check", "lab1", "kernel_v_memmap", "--only", "boot-log"]) == 0
    assert "8 of 8 points" in capsys.readouterr().out
    wrong = tmp_path / "wrong.py"
    wrong.write_text("def parse(:\n")
    assert ksim(["check", "lab1", str(wrong), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["score"] == 0
    assert ksim(["check", "lab1", str(tmp_path / "none.py")]) == 2
    assert ksim(["check", "lab7", "kernel_v_memmap"]) == 2
