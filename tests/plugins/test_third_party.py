"""A plugin of somebody else, installed as a distribution of its own, works like any other."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2] / "plugins" / "example-buddy-frames"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the distribution installed, built from a copy of its project."""
    folder = tmp_path_factory.mktemp("third-party")
    copy = shutil.copytree(PROJECT, folder / "project")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=copy, check=True, capture_output=True)
    shutil.unpack_archive(next(folder.glob("*.whl")), folder / "site", "zip")
    return folder / "site"


KSIM = ("-c", "from kernel_sim.cli.main import main; main()")


def python(site, *arguments):
    """What Python prints with the distribution installed."""
    result = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(site)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_it_is_listed_by_its_name(site):
    plugins = json.loads(python(site, *KSIM, "plugins", "--json"))["plugins"]
    (found,) = [plugin for plugin in plugins if plugin["name"] == "buddy_frames"]
    assert found["roles"] == ["pmm"]
    assert found["problem"] == ""


def test_the_kernel_boots_with_it_by_name(site):
    printed = python(site, *KSIM, "boot", "--pmm", "buddy_frames", "--json")
    document = json.loads(printed)
    assert document["roles"]["pmm"] == "buddy_frames"
    assert ("buddy_frames", True) in {(t["name"], t["passed"]) for t in document["selftests"]}
    assert document["frames"]["usable"] == 32_639


def test_its_own_tests_pass_where_it_is_installed(site):
    tests = PROJECT / "test_buddy_frames.py"
    printed = python(
        site, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", str(tests)
    )
    assert " passed" in printed
    assert "failed" not in printed
