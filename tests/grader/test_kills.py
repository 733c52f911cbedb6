"""`kill -9` at random moments: afterwards every grade is there once, as if nothing had happened."""

import importlib.util
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from kernel_sim.errors import InputError
from kernel_sim_grader.worker_sources import worker_source

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="judges and zygotes are forks on Linux"),
]
SOAK = Path(__file__).parent.parent / "soak"
sys.path.append(str(SOAK))
MISSING = {"postgres": import_module("postgres_server").MISSING}
if importlib.util.find_spec("distributed") is None:
    MISSING["dask"] = "distributed is not installed"


def sandbox():
    """All walls where they can be had: what is graded here is our own."""
    try:
        worker_source(("memmap",), sandbox="auto").close()
    except InputError:
        return "none"
    return "auto"


def killing(script, *words):
    """What the script that kills says."""
    done = subprocess.run(
        [sys.executable, SOAK / script, *words],
        env={**os.environ, "KSIM_SANDBOX": sandbox()},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_grading_that_was_killed_anywhere_goes_on_to_the_undisturbed_grades():
    assert killing("kills.py", "4", "7").count(": as undisturbed\n") == 4


@pytest.mark.parametrize("what", ["dask", "postgres"])
def test_a_worker_of_a_cluster_or_a_connection_that_is_killed_loses_no_grade(what):
    if MISSING.get(what):
        pytest.skip(MISSING[what])
    assert killing("kills_elsewhere.py", what, "2", "7").count(": as undisturbed\n") == 2
