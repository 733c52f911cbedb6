"""Where order and the TLB earn points, a worker's word about its processor is not enough."""

import sys
from pathlib import Path

import pytest

from kernel_sim.checks.run import run_checks
from kernel_sim_grader.isolation import Limits
from kernel_sim_grader.worker_bench import Deaths, PluginText, WorkerBench
from kernel_sim_grader.worker_sources import worker_source

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits are Unix's")

ROLES = ("paging",)
CORPUS = Path("grader/corpus/lab3")
FLUSHES_NEVER = (CORPUS / "wrong/no_invlpg.py").read_text("utf-8")
RIGHT = (CORPUS / "correct/like_c.py").read_text("utf-8")
CHECKS = ("tlb", "hidden-tlb")
BEHIND = """
from kernel_sim.machine.operation_log import OperationLog
from kernel_sim_grader import wire
"""
FORGERIES = {
    "an end where the log would tell": """
import os
def take(log):
    if any(name.startswith("cpu.") for name, _ in log.entries):
        os._exit(0)
    entries, log.entries = log.entries, []
    return entries
OperationLog.take = take
""",
    "no log": "OperationLog.take = lambda log: []",
    "a log without what came last": """
honest = OperationLog.take
OperationLog.take = lambda log: honest(log)[:-3]
""",
    "a log that is none": "wire._packed = lambda log: wire.msgspec.Raw(bytes([0xC1]))",
    "a log of millions of entries": """
wire._packed = lambda log: wire.msgspec.Raw(wire.msgspec.msgpack.encode([("", ())] * 4_000_000))
""",
    "a load that is said to have faulted": """
from kernel_sim.checks.local_bench import Failure, LocalRun, Outcome
honest = LocalRun._call
def forged(run, hook, args):
    outcome = honest(run, hook, args)
    return Outcome(failure=Failure("stopped", "MachineStopped")) if hook == "cpu.load" else outcome
LocalRun._call = forged
""",
    "tables written past the processor": """
from kernel_sim.machine import Cpu
from kernel_sim.machine.logged_cpu import LoggedCpu
def store(cpu, address, size, value):
    cpu.bus.ram.store(address, size, value)
LoggedCpu.store = store
""",
    "a fault that never happened": """
from kernel_sim.trace import Trace
from kernel_sim.machine.operation_log import LoggedTrace
def emit(trace, kind, **fields):
    honest_emit(trace, "fault", vector=14, error_code=0, address=0xE0000000)
    return honest_emit(trace, kind, **fields)
honest_emit, LoggedTrace.emit = LoggedTrace.emit, emit
""",
}
MESSAGES = {
    "an end where the log would tell": "faults, but",
    "a log that is none": "broke the protocol",
}


@pytest.fixture(scope="module")
def points():
    """Of a plugin, for each of the two checks of the TLB: points, and the message."""
    workers = worker_source(ROLES, Limits())

    def graded(text, seed=5):
        deaths = Deaths()
        report = run_checks(
            "lab3",
            lambda: WorkerBench(workers, PluginText("answer.py", text, ROLES), deaths),
            seed,
            CHECKS,
        )
        finding = [item.result.finding for item in report.reports]
        return (
            [item.points for item in report.reports],
            [item.message if item else "" for item in finding],
        )

    yield graded
    workers.close()


@pytest.fixture(scope="module")
def unforged(points):
    """Points and messages of the plugin that the forgeries are to help."""
    return points(FLUSHES_NEVER)


def test_a_right_plugin_has_its_points_and_one_that_never_flushes_has_not(points, unforged):
    assert points(RIGHT) == ([4, 5], ["", ""])
    earned, messages = unforged
    assert 0 < earned[0] < 4
    assert "INVLPG" in messages[0]


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_log_or_result_earns_no_more_than_the_plugin_does(points, unforged, forgery):
    forged, messages = points(FLUSHES_NEVER + BEHIND + FORGERIES[forgery])
    assert all(got <= was for got, was in zip(forged, unforged[0], strict=True)), messages
    assert all(MESSAGES.get(forgery, "not believed") in message for message in messages), messages


def test_a_plugin_that_does_more_than_a_kernel_does_is_not_followed_for_ever(points):
    endless = """
honest = OperationLog.take
OperationLog.take = lambda log: [*honest(log), *[("store", (0x9000, 4, 1))] * 300_000]
"""
    earned, messages = points(RIGHT + BEHIND + endless)
    assert earned == [0, 0]
    assert "more of it than a kernel does" in messages[0]
