"""What `ksim grade` leaves to do, what it refuses, and how it goes on; on quick submissions."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from kernel_sim.errors import InputError
from kernel_sim_grader import gradebook_writer, judge_pool
from kernel_sim_grader.class_grading import HERE, ClassFolder, Means, grade_class
from kernel_sim_grader.course import read_course
from kernel_sim_grader.course_folder import release_lab
from kernel_sim_grader.grading import end_workers, read_report
from kernel_sim_grader.judge_pool import JudgePool
from kernel_sim_grader.sample_class import answer
from kernel_sim_grader.tasks import Assignment, Lost, Task

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("class grading")]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="judges are forks on Linux")
LAB = "lab1"
SOURCES = {"ann": "raise SystemExit", "ben": "1 / 0", "cy": "import os\nos._exit(3)"}


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    folder = tmp_path_factory.mktemp("released")
    release_lab(read_course(Path("course.yml")), folder, LAB)
    yield folder
    end_workers()


@pytest.fixture
def room(released, tmp_path):
    room = ClassFolder(shutil.copytree(released, tmp_path / "course"), LAB)
    for student, source in SOURCES.items():
        hand_in(room, student, source)
    return room


def hand_in(room, student, source):
    notebook = json.loads((room.course / "release" / LAB / f"{LAB}.ipynb").read_text("utf-8"))
    answer(notebook, source)
    path = room.notebook(student)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")


def grade(room, means=HERE, **how):
    return grade_class(room, means, sandbox="none", **how)


def names(result):
    return {item.student for item in result.graded}


def execute(room, statement):
    connection = sqlite3.connect(room.course / "gradebook.db")
    with connection:
        rows = connection.execute(statement).fetchall()
    connection.close()
    return rows


def test_what_is_graded_is_not_graded_again(room):
    assert names(grade(room)) == set(SOURCES)
    again = grade(room)
    assert (again.graded, set(again.skipped)) == ([], set(SOURCES))
    assert names(grade(room, force=True)) == set(SOURCES)


def test_a_changed_answer_or_timestamp_is_graded_again(room):
    grade(room)
    hand_in(room, "ben", "2 / 0")
    assert names(grade(room)) == {"ben"}
    (room.notebook("ann").parent / "timestamp.txt").write_text("2026-01-01 12:00:00 UTC")
    assert names(grade(room)) == {"ann"}
    assert execute(
        room, "select count(*) from submitted_assignment where timestamp is not null"
    ) == [(1,)]


def test_another_seed_grades_everyone_again(room):
    grade(room)
    (room.course / "course_secret").write_text("ab" * 32 + "\n", encoding="ascii")
    assert names(grade(room)) == set(SOURCES)


@pytest.mark.parametrize(
    "statement",
    ["update grade set auto_score = 90 where auto_score = 0", "delete from grade"],
)
def test_a_gradebook_that_does_not_bear_the_report_out_is_put_right(room, statement):
    grade(room)
    before = execute(room, "select cell_id, auto_score from grade order by 1, 2")
    execute(room, statement)
    if "delete" in statement:
        for table in ("comment", "submitted_notebook", "submitted_assignment"):
            execute(room, f"delete from {table}")  # noqa: S608 - our own words
    assert names(grade(room)) == set(SOURCES)
    assert execute(room, "select cell_id, auto_score from grade order by 1, 2") == before


def test_a_graded_notebook_that_is_missing_or_half_done_is_made_again(room):
    grade(room)
    shutil.rmtree(room.course / "autograded" / "ann")
    half = room.course / "autograded" / "ben" / LAB / f"{LAB}.ipynb"
    half.chmod(0o644)
    half.write_bytes(room.notebook("ben").read_bytes())
    assert names(grade(room)) == {"ann", "ben"}


def test_a_person_s_points_stay_and_are_looked_at_again(room):
    grade(room)
    execute(room, "update grade set manual_score = 7")
    grade(room, force=True)
    assert execute(room, "select distinct manual_score, needs_manual_grade from grade") == [(7, 1)]


def test_other_files_that_were_handed_in_lie_beside_the_graded_notebook_and_links_do_not(room):
    folder = room.notebook("ann").parent
    (folder / "notes.txt").write_text("mine")
    (folder / "link.txt").symlink_to(room.course / "course_secret")
    grade(room)
    graded = room.course / "autograded" / "ann" / LAB
    assert (graded / "notes.txt").read_text() == "mine"
    assert not (graded / "link.txt").exists()


def test_a_locked_gradebook_is_waited_for(room, monkeypatch):
    path = room.course / "gradebook.db"
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("begin immediate")
    pauses = []

    def release(seconds):
        pauses.append(seconds)
        if len(pauses) == 3:
            lock.execute("commit")

    monkeypatch.setattr(gradebook_writer, "time", SimpleNamespace(sleep=release))
    result = grade(room, Means(db_url=f"sqlite:///{path}?timeout=0"))
    lock.close()
    assert names(result) == set(SOURCES)
    assert len(pauses) == 3


def test_a_gradebook_that_stays_locked_ends_grading_with_one_clear_line(room, monkeypatch):
    path = room.course / "gradebook.db"
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("begin immediate")
    monkeypatch.setattr(gradebook_writer, "time", SimpleNamespace(sleep=lambda _: None))
    with pytest.raises(InputError, match="the gradebook can't be written: database is locked"):
        grade(room, Means(db_url=f"sqlite:///{path}?timeout=0"))
    lock.close()
    assert names(grade(room)) == set(SOURCES)


@pytest.mark.parametrize(
    "which", range(6), ids=["lab", "cells", "source", "kernel", "grades", "verdict"]
)
def test_a_connection_that_is_lost_at_any_time_is_made_again(room, monkeypatch, which):
    asked, lost = [], []
    insist = gradebook_writer.GradebookWriter.insist

    def lose(_connection, _cursor, statement, *_):
        if len(asked) == which + 1 and not lost:
            lost.append(statement)
            raise OperationalError(statement, {}, Exception("server closed the connection"))

    def counted(self, action, *words):
        asked.append(action)
        return insist(self, action, *words)

    monkeypatch.setattr(gradebook_writer.GradebookWriter, "insist", counted)
    monkeypatch.setattr(gradebook_writer, "time", SimpleNamespace(sleep=lambda _: None))
    event.listen(Engine, "before_cursor_execute", lose)
    try:
        assert names(grade(room)) == set(SOURCES)
    finally:
        event.remove(Engine, "before_cursor_execute", lose)
    assert lost


def test_a_lab_that_is_not_released_into_the_gradebook_is_one_clear_line(room, tmp_path):
    with pytest.raises(InputError, match="has not been released into this gradebook"):
        grade(room, Means(db_url=f"sqlite:///{tmp_path / 'empty.db'}"))
    assert not (tmp_path / "empty.db").exists()


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "postgresql:/x"])
def test_an_address_of_no_gradebook_is_one_clear_line(room, url):
    with pytest.raises(InputError, match="is no address of a gradebook"):
        grade(room, Means(db_url=url))


@LINUX
def test_two_judges_find_what_one_finds(room):
    two = grade(room, Means(jobs=2))
    one = grade(room, force=True)
    assert [(item.student, item.score, item.reason) for item in two.graded] == [
        (item.student, item.score, item.reason) for item in one.graded
    ]
    assert read_report(room.course, LAB, "cy")["reason"]


@LINUX
def test_a_task_that_its_judges_die_of_is_lost_and_the_others_go_on(monkeypatch):
    assignment = Assignment(LAB, (), None, 1, "none", "")
    tasks = [Task(assignment, name, b"", "unreadable", "") for name in ("ann", "ben")]
    pool = JudgePool(1)
    send = judge_pool.send_frame

    def deadly(channel, payload, **how):
        send(channel, payload, **how)
        if b"ann" in payload:
            os.kill(pool._judges[-1].pid, signal.SIGKILL)

    monkeypatch.setattr(judge_pool, "send_frame", deadly)
    try:
        verdicts = {verdict.student: verdict for verdict in pool.verdicts(tasks)}
    finally:
        pool.close()
    assert isinstance(verdicts["ann"], Lost)
    assert "ended 3 times" in verdicts["ann"].reason
    assert verdicts["ben"].score == 0


def interrupted(room):
    """Interrupt grading at its first report: how long it took to stop, and what was said."""
    shutil.rmtree(room.course / "reports", ignore_errors=True)
    program = "from kernel_sim.cli.main import main; main()"
    options = ("--course", str(room.course), "--sandbox", "none", "--jobs", "2")
    command = [sys.executable, "-c", program, "grade", LAB, *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not list(room.course.glob("reports/*/*.json")) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    out, err = process.communicate(timeout=30)
    return time.monotonic() - started, out, err


@LINUX
def test_ctrl_c_stops_within_a_second_and_the_next_run_goes_on(room):
    for number in range(9):
        hand_in(room, f"slow-{number}", "import time\ntime.sleep(0.6)")
    for _ in range(3):  # a machine that stands still for a moment makes any one time too long
        seconds, out, err = interrupted(room)
        if seconds < 1:
            break
    assert seconds < 1
    assert "what is graded is kept; ksim grade lab1 goes on with the rest" in err, out
    assert "Traceback" not in err
    result = grade(room, Means(jobs=2))
    assert result.skipped
    assert result.graded
    assert len(result.skipped) + len(result.graded) == 12
