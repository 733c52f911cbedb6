"""`kill -9` at random moments: afterwards every grade is there once, as if nothing had happened."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kernel_sim.errors import InputError
from kernel_sim_grader.worker_sources import worker_source

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="judges and zygotes are forks on Linux"),
]
SOAK = Path(__file__).parent.parent / "soak"
MOMENTS = 8


def sandbox():
    """All walls where they can be had: what is graded here is our own."""
    try:
        worker_source(("memmap",), sandbox="auto").close()
    except InputError:
        return "none"
    return "auto"


def test_grading_that_was_killed_anywhere_goes_on_to_the_undisturbed_grades():
    done = subprocess.run(
        [sys.executable, SOAK / "kills.py", str(MOMENTS), "7"],
        env={**os.environ, "KSIM_SANDBOX": sandbox()},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": as undisturbed\n") == MOMENTS
