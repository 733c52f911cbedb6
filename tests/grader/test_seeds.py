"""Grading seeds come from a secret that only the grader's user can read."""

import stat
import sys

import pytest

from kernel_sim.errors import InputError
from kernel_sim_grader.seeds import SEED_LIMIT, grading_seed, make_secret, read_secret


def test_a_secret_is_made_once_and_kept(tmp_path):
    make_secret(tmp_path)
    first = read_secret(tmp_path)
    make_secret(tmp_path)
    assert read_secret(tmp_path) == first
    assert len(first) == 32


@pytest.mark.skipif(sys.platform == "win32", reason="modes are Unix's")
def test_nobody_else_can_read_the_secret(tmp_path):
    assert stat.S_IMODE(make_secret(tmp_path).stat().st_mode) == 0o600


def test_two_courses_have_two_secrets(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        make_secret(tmp_path / name)
    assert read_secret(tmp_path / "one") != read_secret(tmp_path / "two")


def test_a_seed_depends_on_secret_and_lab_and_on_nothing_else():
    assert grading_seed(b"a" * 32, "lab1") == grading_seed(b"a" * 32, "lab1")
    seeds = {grading_seed(s * 32, lab) for s in (b"a", b"b") for lab in ("lab1", "lab2")}
    assert len(seeds) == 4
    assert all(0 <= seed < SEED_LIMIT for seed in seeds)


def test_a_missing_secret_names_the_file(tmp_path):
    with pytest.raises(InputError, match="course_secret"):
        read_secret(tmp_path)


@pytest.mark.parametrize("text", ["", "no hex", "ab" * 31])
def test_a_damaged_secret_is_refused(tmp_path, text):
    (tmp_path / "course_secret").write_text(text)
    with pytest.raises(InputError, match="damaged"):
        read_secret(tmp_path)
