"""Kernels side by side: who takes part, what is measured, and what is said where it fails."""

import json

import pytest

from kernel_sim.boot import boot
from kernel_sim.cli.main import run
from kernel_sim.comparison import WORKLOADS, compared, contender
from kernel_sim.errors import InputError
from kernel_sim.inspection import AddressSpace, table_frames
from kernel_sim.profiles import profile_names

STOPS = """
from kernel_sim import HeapStats, hookimpl

@hookimpl
def heap_init(kernel, start, max_end):
    pass

@hookimpl
def kmalloc(kernel, size, align):
    return kernel.cpu.load(0xDEAD_BEEF, 4)

@hookimpl
def kfree(kernel, ptr):
    pass

@hookimpl
def heap_stats(kernel):
    return HeapStats(0, 0, 0)
"""


@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("name", profile_names())
def test_every_profile_boots_and_serves_every_workload(name, workload):
    row = compared(contender(name), workload)
    assert row.problem == ""
    assert row.frames_used is not None
    assert row.table_frames >= 3
    assert row.mapped_bytes >= 4096 * row.pages
    assert row.tlb_reach >= 4096 * row.tlb_entries > 0
    assert (row.requests > 0) == (workload != "boot")
    assert sum(row.refused.values()) < max(row.requests, 1)


def test_tables_are_counted_as_the_kernel_took_them():
    run_ = boot("kernel-v", machine="pc4")
    space = AddressSpace.of(run_.machine)
    directory = space.table(space.root, 1024).tolist()
    present = {entry & 0xFFFF_F000 for entry in directory if entry & 1}
    assert table_frames(space) == present | {space.root}


def test_the_same_kernel_twice_gives_the_same_row():
    assert compared(contender("kernel-v"), "heap") == compared(contender("kernel-v"), "heap")


def test_demand_paging_shows_as_faults_that_were_survived(monkeypatch):
    from kernel_sim.comparison import row  # noqa: PLC0415 - to put another boot in its place

    def with_demand_paging(name, machine, roles):
        return boot(name, machine, roles, config={"demand_paging": True})

    monkeypatch.setattr(row, "boot", with_demand_paging)
    found = compared(contender("kernel-v"), "heap")
    assert found.problem == ""
    assert found.survived == found.faults > 0


def test_samples_follow_what_is_in_use():
    row = compared(contender("kernel-v"), "heap")
    used = [sample.heap_used for sample in row.samples]
    assert used[0] == 0
    assert max(used) > 50_000
    assert [sample.request for sample in row.samples] == sorted({s.request for s in row.samples})


def test_what_a_kernel_refuses_is_counted_by_reason():
    row = compared(contender("bulldog"), "frames")
    ((reason, count),) = row.refused.items()
    assert reason.startswith("pmm_free_frame: ")
    assert count == 128


@pytest.mark.parametrize(
    ("text", "profile", "roles"),
    [
        ("bulldog", "bulldog", {}),
        ("kernel_v_heap_buddy", "kernel-v", {"heap": "kernel_v_heap_buddy"}),
        ("bulldog_pmm", "bulldog", {"pmm": "bulldog_pmm"}),
        (
            "kernel-v:heap=kernel_v_heap_bump,pmm=kernel_v_pmm",
            "kernel-v",
            {"heap": "kernel_v_heap_bump", "pmm": "kernel_v_pmm"},
        ),
    ],
)
def test_a_contender_is_a_profile_a_plugin_or_both(text, profile, roles):
    found = contender(text)
    assert (found.profile, dict(found.roles)) == (profile, roles)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kernel-w", "did you mean kernel-v"),
        ("kernel-v:heep=kernel_v_heap", "did you mean heap"),
        ("kernel-v:heap=", "expected ROLE=PLUGIN"),
        ("kernel_v_tags", "fills no role"),
    ],
)
def test_what_is_no_contender_is_one_clear_line(text, message):
    with pytest.raises(InputError, match=message):
        contender(text)


def test_the_command_tells_rows_as_json(capsys):
    assert run(["compare", "kernel-v", "kernel_v_heap_bump", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["name"] for row in rows] == ["kernel-v", "kernel_v_heap_bump"]
    assert rows[0]["touches"] > rows[1]["touches"], "first fit searches, bump does not"


def test_the_command_shows_a_column_for_each_kernel(capsys):
    assert run(["compare", "kernel-v", "bulldog", "--workload", "boot"]) == 0
    printed = capsys.readouterr().out
    assert "boot512" in printed
    assert "frames of page tables" in printed


def test_a_kernel_that_stops_has_a_row_with_the_reason_and_status_1(tmp_path, capsys):
    path = tmp_path / "stops.py"
    path.write_text(STOPS, encoding="utf-8")
    assert run(["compare", f"kernel-v:heap={path}"]) == 1
    assert "0xdeadbeef" in capsys.readouterr().out


def test_an_unknown_workload_is_one_clear_line(capsys):
    assert run(["compare", "kernel-v", "--workload", "heep"]) == 2
    assert "did you mean heap?" in capsys.readouterr().err
