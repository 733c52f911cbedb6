"""Judging on a Dask cluster of this machine: the same verdicts, also when a worker is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

import kernel_sim_grader.cluster
from kernel_sim.errors import InputError
from kernel_sim_grader.cluster import ClusterPool, judge_bytes, refuse_unsafe
from kernel_sim_grader.corpus import specimens
from kernel_sim_grader.grounds import grounds_digest
from kernel_sim_grader.judging import judge
from kernel_sim_grader.submission import TrustedCell
from kernel_sim_grader.tasks import Assignment, Task, encode, verdict_of

LAB = "lab1"
SEED = 5
CELLS = (TrustedCell("answer", "code", "", None, False, True, False, False, None),)
ASSIGNMENT = Assignment(LAB, CELLS, None, SEED, "none", grounds_digest(LAB, SEED, CELLS, None))
REAL = next(one for one in specimens(LAB) if one.name == "wrong/acpi_available")
SOURCES = {
    "quick": "raise SystemExit",
    "ended": "import os\nos._exit(3)",
    "real": REAL.path.read_text("utf-8"),
}


def task(student, source, assignment=ASSIGNMENT):
    cell = {"cell_type": "code", "source": source, "metadata": {}}
    document = json.dumps({"cells": [cell]}).encode()
    return Task(assignment, student, document, "", "")


def tasks(count=1):
    return [task(f"{name}-{n}", text) for n in range(count) for name, text in SOURCES.items()]


def said(verdict):
    return verdict.student, verdict.score, verdict.reason, verdict.notebook, verdict.grades


class Cluster:
    """A scheduler and two workers on this machine."""

    def __init__(self, folder):
        self.folder = folder
        self.processes = []
        file = folder / "scheduler.json"
        self.start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", file)
        until = time.monotonic() + 30
        while not file.is_file() and time.monotonic() < until:
            time.sleep(0.05)
        self.address = json.loads(file.read_text())["address"]
        self.workers = [self.worker() for _ in range(2)]

    def worker(self):
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        return self.start("worker", self.address, *options, "--local-directory", self.folder)

    def start(self, *words):
        command = [str(Path(sys.executable).with_name("dask")), *map(str, words)]
        process = subprocess.Popen(
            command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.processes.append(process)
        return process

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    pytest.importorskip("distributed")
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.stop()


@pytest.mark.slow
@pytest.mark.xdist_group("cluster")
@pytest.mark.skipif(sys.platform != "linux", reason="judged here too, for comparison, by forks")
def test_a_cluster_finds_what_this_process_finds_also_when_a_worker_is_killed(cluster):
    here = {said(judge(one))[0]: said(judge(one)) for one in tasks()}
    pool = ClusterPool(cluster.address)
    found = {}
    try:
        for verdict in pool.verdicts(tasks(2)):
            if not found:
                os.kill(cluster.workers[0].pid, signal.SIGKILL)
            found[verdict.student] = said(verdict)
    finally:
        pool.close()
    assert len(found) == 6
    for name in SOURCES:
        for number in range(2):
            assert found[f"{name}-{number}"][1:] == here[f"{name}-0"][1:]


def test_a_cluster_without_workers_is_not_waited_for_for_ever(monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(kernel_sim_grader.cluster, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(kernel_sim_grader.cluster, "PATIENCE_SECONDS", 0.3)
    options = {"dashboard_address": "127.0.0.1:0", "host": "127.0.0.1", "silence_logs": 50}
    with distributed.LocalCluster(n_workers=0, **options) as empty:
        pool = ClusterPool(empty.scheduler_address)
        try:
            with pytest.raises(InputError, match=r"had no worker for 0\.3 s"):
                list(pool.verdicts(tasks()))
        finally:
            pool.close()


def test_a_worker_of_another_version_judges_nothing():
    other = Assignment(LAB, CELLS, None, SEED, "none", "of another version")
    verdict = verdict_of(judge_bytes(encode(task("ann", "1 / 0", other))))
    assert "another version" in verdict.reason


@pytest.mark.parametrize(
    "address", ["tcp://10.0.0.1:8786", "tcp://grading.example.edu:8786", "10.0.0.1:8786", "tls://"]
)
def test_a_way_that_others_could_read_is_refused(address):
    with pytest.raises(InputError, match="has to be TLS"):
        refuse_unsafe(address)


@pytest.mark.parametrize("address", ["tls://10.0.0.1:8786", "tcp://127.0.0.1:1", "tcp://[::1]:1"])
def test_tls_anywhere_and_plain_tcp_on_this_machine_are_taken(address):
    refuse_unsafe(address)
