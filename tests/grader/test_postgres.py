"""A gradebook on a PostgreSQL server of the tests' own, run by a user without privileges."""

import json
import os
import signal
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import pytest

from kernel_sim.errors import InputError
from kernel_sim_grader.class_grading import ClassFolder, Means, grade_class
from kernel_sim_grader.course import read_course
from kernel_sim_grader.course_folder import release_lab
from kernel_sim_grader.gradebook_url import URL_FILE, checked_url, gradebook_url, keep_url, safe
from kernel_sim_grader.grading import end_workers
from kernel_sim_grader.report import grade_rows
from kernel_sim_grader.sample_class import answer

sys.path.append(str(Path(__file__).parent.parent / "soak"))
SERVER = import_module("postgres_server")
LAB = "lab1"
SOURCES = {"ann": "raise SystemExit", "ben": "1 / 0", "cy": "import os\nos._exit(3)"}


needs_server = pytest.mark.skipif(
    bool(SERVER.MISSING), reason=f"{SERVER.MISSING} (Debian: apt-get install postgresql)"
)


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("psycopg")
    with tempfile.TemporaryDirectory() as folder:
        server = SERVER.Server(Path(folder))
        yield server
        server.stop()


@pytest.fixture(scope="module")
def room(server, tmp_path_factory):
    """A course whose gradebook is on the server from the beginning."""
    folder = tmp_path_factory.mktemp("course")
    keep_url(folder, server.url)
    (released,) = release_lab(read_course(Path("course.yml")), folder, LAB)
    room = ClassFolder(folder, LAB)
    for student, source in SOURCES.items():
        hand_in_text(released, room.notebook(student), source)
    yield room
    end_workers()


def hand_in_text(released, path, source):
    notebook = json.loads(released.read_text("utf-8"))
    answer(notebook, source)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")


GRADES = (
    "select s.student_id, b.name, g.auto_score, g.needs_manual_grade from grade g"
    " join base_cell b on b.id = g.cell_id join submitted_notebook n on n.id = g.notebook_id"
    " join submitted_assignment s on s.id = n.assignment_id order by 1, 2"
)


def grade(room, **how):
    return grade_class(room, Means(), sandbox="none", **how)


@needs_server
@pytest.mark.slow
@pytest.mark.xdist_group("postgres")
def test_a_class_is_graded_into_postgresql_once_and_everyone_finds_it_there(room, server):
    result = grade(room)
    assert {item.student for item in result.graded} == set(SOURCES)
    assert set(grade(room).skipped) == set(SOURCES)
    assert not (room.course / "gradebook.db").exists()
    assert {row.student for row in grade_rows(room.course, LAB)} == set(SOURCES)
    assert len(server.ask(GRADES).splitlines()) == 13 * len(SOURCES)


@needs_server
@pytest.mark.slow
@pytest.mark.xdist_group("postgres")
def test_lost_connections_lose_no_grade(room, server):
    grade(room)
    before = server.ask(GRADES)
    ended = []

    def cut(_):
        """End every connection, as its administrator or a failing network would."""
        asked = "select pg_terminate_backend({})"
        ended.extend(server.ask(asked.format(pid)).strip() for pid in server.connections())

    assert grade(room, force=True, on_done=cut).errored == []
    assert ended.count("t") >= 2
    assert server.ask(GRADES) == before


@needs_server
@pytest.mark.slow
@pytest.mark.xdist_group("postgres")
def test_a_server_process_that_is_killed_loses_no_grade(room, server):
    grade(room)
    before = server.ask(GRADES)
    pids = server.ask(
        "select pid from pg_stat_activity where backend_type = 'background writer'"
    ).split()

    def kill(_):
        """Kill a process of the server, which then starts again and drops every connection."""
        if pids:
            os.kill(int(pids.pop()), signal.SIGKILL)

    assert grade(room, force=True, on_done=kill).errored == []
    server.wait()
    assert pids == []
    assert server.ask(GRADES) == before


def test_the_course_s_gradebook_is_a_file_unless_told_otherwise(tmp_path):
    assert (
        gradebook_url(tmp_path) == f"sqlite:///{(tmp_path.resolve() / 'gradebook.db').as_posix()}"
    )
    keep_url(tmp_path, "sqlite:///elsewhere.db")
    assert gradebook_url(tmp_path) == "sqlite:///elsewhere.db"
    if os.name == "posix":
        assert (tmp_path / URL_FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "postgresql:/x", ""])
def test_what_is_no_gradebook_s_address_is_refused(url):
    with pytest.raises(InputError, match="is no address of a gradebook"):
        checked_url(url)


def test_a_password_is_in_no_message():
    assert safe("postgresql://me:secret@host/x") == "postgresql://me:…@host/x"
    with pytest.raises(InputError) as caught:
        checked_url("mysql://me:secret@host/x")
    assert "secret" not in str(caught.value)
