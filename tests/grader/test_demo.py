"""The demonstration from end to end, and the commands that look at what it leaves."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kernel_sim.errors import InputError
from kernel_sim_grader.cli.course_option import course_folder
from kernel_sim_grader.cli.lab import own_copy
from kernel_sim_grader.demo import run_demo

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]
ROOT = Path(__file__).parent.parent.parent


def ksim(folder, *arguments):
    program = "from kernel_sim.cli.main import main; main()"
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "build" / "demo"
    done = ksim(ROOT, "course", "demo", "--course", folder)
    done.folder = folder
    return done


def test_it_ends_well_and_without_a_traceback(demo):
    assert demo.returncode == 0, demo.stderr[-3000:]
    assert "Traceback" not in demo.stdout + demo.stderr


def test_it_boots_pc128_and_every_real_map_and_shows_the_screen(demo):
    assert len(re.findall(r"^ map-\d\d ", demo.stdout, re.MULTILINE)) == 52
    assert re.search(r"^ pc128 +6 +32,639 +booted", demo.stdout, re.MULTILINE)
    assert "[MEMORY MAP] BIOS provided 6 entries" in demo.stdout


def test_it_grades_at_least_twelve_with_full_and_failing_scores(demo):
    scores = re.findall(r"^ lab1 +student-\d\d +([\d.]+) / 90", demo.stdout, re.MULTILINE)
    assert len(scores) >= 12
    assert {"90", "0"} <= set(scores)
    assert f"{len(scores)}/{len(scores)}" in demo.stderr


def test_it_shows_a_counterexample_that_can_be_played_again(demo):
    assert "FAILED" in demo.stdout
    assert "smallest case that shows it" in demo.stdout
    replay = ksim(ROOT, "replay", demo.folder / "case.json", "--json")
    assert replay.returncode in {0, 1}
    assert json.loads(replay.stdout)["steps"]


def test_it_says_where_the_feedback_lies_and_how_to_open_the_lab(demo):
    page = Path(re.search(r"feedback +(\S+\.html)", demo.stdout)[1])
    assert page.is_file()
    assert "ksim lab lab1" in demo.stdout
    assert len(list(demo.folder.glob("feedback/*/lab1/lab1.html"))) >= 12


def test_the_corpus_s_right_answers_have_full_marks(demo):
    known = dict(re.findall(r"^ (student-\d\d) +\S+ +(right|wrong|odd)", demo.stdout, re.MULTILINE))
    found = ksim(ROOT, "report", "lab1", "--course", demo.folder, "--json")
    rows = json.loads(found.stdout)["rows"]
    assert {row["student"] for row in rows if row["checks"] == 90} == {
        student for student, kind in known.items() if kind == "right"
    }
    assert all(row["checks_max"] == 90 and row["max_score"] == 100 for row in rows)


def test_grading_again_skips_everyone(demo):
    done = ksim(ROOT, "grade", "lab1", "--course", demo.folder, "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 0
    assert document["graded"] == document["errored"] == []
    assert len(document["skipped"]) >= 12
    assert document["sandbox"] in {"namespaces", "none"}


def test_submissions_can_lie_elsewhere(demo, tmp_path):
    path = tmp_path / "inbox" / "guest" / "lab1" / "lab1.ipynb"
    path.parent.mkdir(parents=True)
    path.write_bytes((demo.folder / "release" / "lab1" / "lab1.ipynb").read_bytes())
    inbox = tmp_path / "inbox"
    done = ksim(ROOT, "grade", "lab1", "--course", demo.folder, "--submissions", inbox, "--json")
    (graded,) = json.loads(done.stdout)["graded"]
    assert (graded["student"], graded["score"], graded["max_score"]) == ("guest", 0, 90)


def test_a_table_and_statistics_for_people(demo):
    done = ksim(ROOT, "report", "--course", demo.folder)
    assert done.returncode == 0
    assert "10 wait" in done.stdout
    assert "mean" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("grade", "lab9"), "no submissions of lab9"),
        (("report", "lab9"), "no lab 'lab9'"),
        (("lab", "lab9"), "has not been released"),
    ],
)
def test_an_unknown_lab_is_one_clear_line(demo, arguments, words):
    done = ksim(ROOT, *arguments, "--course", demo.folder)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_no_course_is_one_clear_line(tmp_path):
    done = ksim(tmp_path, "grade", "lab1")
    assert done.returncode == 2
    assert "ksim course build" in done.stderr


def test_the_nearest_course_is_found_from_below(demo):
    start = demo.folder / "release"
    assert course_folder(None, start) == demo.folder.resolve()
    assert course_folder(None, demo.folder.parent.parent) == demo.folder.resolve()


def test_one_s_own_copy_of_a_lab_is_never_overwritten(demo, tmp_path):
    notebook = own_copy(demo.folder, "lab1", tmp_path)
    assert notebook.read_bytes() == (demo.folder / "release/lab1/lab1.ipynb").read_bytes()
    notebook.write_text("my work")
    assert own_copy(demo.folder, "lab1", tmp_path) == notebook
    assert notebook.read_text() == "my work"


def test_a_folder_of_somebody_else_s_is_not_removed(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="no demonstration's"):
        run_demo(tmp_path, as_json=True)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"
