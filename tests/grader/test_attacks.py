"""The attack corpus against both ways of grading: none raises a score, reads, reaches or disturbs.

One small course is built, every attack handed in beside an honest answer, and all are graded by
`ksim grade` and by nbgrader's own `autograde`, behind the same walls.
"""

import contextlib
import importlib.util
import json
import os
import shutil
import socket
import sys
from functools import partial
from pathlib import Path

import msgspec
import pytest
from nbgrader.api import Gradebook
from nbgrader.apps import AutogradeApp
from nbgrader.converters import Autograde

from kernel_sim.checks import run
from kernel_sim.errors import InputError
from kernel_sim_grader import grading
from kernel_sim_grader.checks import lab1
from kernel_sim_grader.class_grading import ClassFolder, grade_class
from kernel_sim_grader.course import read_course
from kernel_sim_grader.course_folder import release_lab
from kernel_sim_grader.isolation import Limits
from kernel_sim_grader.sample_class import answer
from kernel_sim_grader.seeds import SECRET_FILE, grading_seed, read_secret
from kernel_sim_grader.worker_process import WorkerProcess
from kernel_sim_grader.worker_sources import worker_source

LAB = "lab1"
CHECKS = ("regions-pc128", "hidden-regions")
LIMITS = Limits(cpu_seconds=2, request_seconds=0.4, load_seconds=6.0)
CORPUS = Path("grader/corpus/attacks")
FIELDS = ("attack", "wall", "kind", "expected_score")
NEIGHBOUR = Path("grader/corpus/lab1/correct/sweep_line.py")
"""A right answer, graded among the attacks."""
WAITING = {"deep_recursion", "half_a_frame", "long_list", "loop", "loop_that_swallows"}
WAITING |= {"signal_handlers", "stop_itself"}
"""Each waits for the same clocks as `sleep`, so nbgrader's commands are spared them."""
KINDS = {"forge", "read", "reach", "resource", "timing", "smuggle", "detect", "notebook"}
HONEST = """from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    return []
"""


def header(path):
    lines = path.read_text("utf-8").splitlines()[: len(FIELDS)]
    return dict(line.removeprefix("# ").split(": ", 1) for line in lines)


FILES = {path.stem: path for path in sorted(CORPUS.glob("**/*.py"))}
HEADERS = {name: header(path) for name, path in FILES.items()}
FORGING = [name for name in FILES if HEADERS[name]["kind"] == "forge"]
PLUGINS = [name for name in FILES if HEADERS[name]["kind"] != "notebook"]


def _missing():
    """Why no worker can be isolated here, or nothing."""
    if sys.platform != "linux":
        return "the walls are Linux's"
    try:
        worker_source(("memmap",), LIMITS, "auto").close()
    except InputError as error:
        return str(error)
    return ""


pytestmark = pytest.mark.xdist_group("attacks")
MISSING = _missing()
walled = pytest.mark.skipif(bool(MISSING), reason=f"no isolation here: {MISSING}")


class Outside:
    """What an attack may try to reach, and whether it did."""

    def __init__(self, folder):
        self.folder = folder / "outside"
        self.folder.mkdir(mode=0o777)
        self.unix = str(folder / "socket")
        self.abstract = f"ksim-attacks-{os.getpid()}-{folder.name}"
        self.tcp, self.udp = self.servers()
        self.port = self.tcp.getsockname()[1]
        self.paths = []
        for name in (self.unix, f"\0{self.abstract}"):
            self.paths.append(socket.socket(socket.AF_UNIX))
            self.paths[-1].bind(name)
            self.paths[-1].listen(4)
        for item in (self.tcp, self.udp, *self.paths):
            item.setblocking(False)

    @staticmethod
    def servers():
        """A TCP and a UDP socket on one port, whichever is free for both."""
        for _ in range(20):
            tcp = socket.create_server(("127.0.0.1", 0))
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                tcp.close()
                udp.close()
            else:
                return tcp, udp
        raise OSError("no port is free for both TCP and UDP")

    def aim(self, text, course):
        words = {"FOLDER": self.folder, "COURSE": course, "PORT": self.port}
        for word, value in {**words, "UNIX": self.unix, "ABSTRACT": self.abstract}.items():
            text = text.replace(f"@{word}@", str(value))
        return text

    def reached(self):
        found = []
        for server in (self.tcp, *self.paths):
            with contextlib.suppress(BlockingIOError):
                server.accept()[0].close()
                found.append("connection")
        with contextlib.suppress(BlockingIOError):
            found.append(self.udp.recv(100))
        return found

    def close(self):
        for item in (self.tcp, self.udp, *self.paths):
            item.close()


class Class:
    """A course with one honest student and one for each attack, graded in both ways."""

    def __init__(self, folder, outside):
        self.folder, self.outside = folder, outside
        (released,) = release_lab(read_course(Path("course.yml")), folder, LAB)
        self.released = json.loads(released.read_text("utf-8"))
        self.secret = (folder / SECRET_FILE).read_text("ascii").strip()
        self.seed = grading_seed(read_secret(folder), LAB)
        self.sent = []
        self.hand_in("honest", HONEST)
        self.hand_in("neighbour", NEIGHBOUR.read_text("utf-8"))
        for name, path in FILES.items():
            text = outside.aim(path.read_text("utf-8"), folder)
            if HEADERS[name]["kind"] == "notebook":
                self.hand_in(name, HONEST, tamper_of(text))
            else:
                self.hand_in(name, text)

    def hand_in(self, student, source, tamper=lambda _: None):
        notebook = json.loads(json.dumps(self.released))
        answer(notebook, source)
        tamper(notebook)
        path = self.folder / "submitted" / student / LAB / f"{LAB}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook), "utf-8")

    def grade(self):
        self.result = grade_class(ClassFolder(self.folder, LAB))
        names = ["honest", "neighbour", *FILES]
        self.reports = {name: grading.read_report(self.folder, LAB, name) for name in names}
        self.by_ksim = {name: self.points(name) for name in names}
        (self.folder / "kept-back").mkdir()
        with contextlib.chdir(self.folder):
            app = AutogradeApp()
            app.initialize([])
            app.coursedir.assignment_id = LAB
            converter = Autograde(coursedir=app.coursedir, parent=app)
            converter.force = True
            for name in WAITING:
                shutil.move(f"submitted/{name}", "kept-back")
            converter.start()
        self.by_nbgrader = {name: self.points(name) for name in names}

    def points(self, student):
        with Gradebook(f"sqlite:///{self.folder / 'gradebook.db'}") as gradebook:
            found = gradebook.find_submission_notebook(LAB, LAB, student)
            return {item.name: item.auto_score for item in found.grades if item.name in CHECKS}

    def graded_text(self, student):
        path = self.folder / "autograded" / student / LAB / f"{LAB}.ipynb"
        return path.read_text("utf-8")


def tamper_of(text):
    """The function that an attack on the notebook is; it is the corpus's own, not a plugin."""
    spec = importlib.util.spec_from_loader("tamper", loader=None)
    module = importlib.util.module_from_spec(spec)
    exec(compile(text, "tamper", "exec"), module.__dict__)  # noqa: S102 - our own corpus
    return module.tamper


@contextlib.contextmanager
def small(sent):
    """Three checks under tight limits, and all that workers say kept in ``sent``."""
    ask = WorkerProcess.request

    def request(self, *arguments):
        sent.append(ask(self, *arguments))
        return sent[-1]

    def source(roles, sandbox):
        return worker_source(roles, LIMITS, sandbox)

    grading.end_workers()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grading, "worker_source", source)
        patch.setattr(run, "run_checks", partial(run.run_checks, only=CHECKS))
        patch.setattr(WorkerProcess, "request", request)
        yield
        grading.end_workers()


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    outside = Outside(tmp_path_factory.mktemp("attacks"))
    with contextlib.closing(outside):
        room = Class(tmp_path_factory.mktemp("course"), outside)
        with small(room.sent):
            room.grade()
        yield room


@pytest.fixture(scope="module")
def unwalled():
    with small([]):
        yield partial(grading.grade_text, lab=LAB, seed=5, sandbox="none")


def test_the_corpus_has_forty_attacks_of_every_kind_each_with_its_wall():
    assert len(FILES) >= 40
    assert {item["kind"] for item in HEADERS.values()} == KINDS
    assert all(item["attack"] and item["wall"] for item in HEADERS.values())


@walled
@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_an_attack_gains_nothing_and_leaves_a_grade_with_a_reason(graded, name):
    most = float(HEADERS[name]["expected_score"])
    for scores in (graded.by_ksim, graded.by_nbgrader):
        assert set(scores[name]) == set(CHECKS)
        assert sum(scores[name].values()) <= min(most, sum(scores["honest"].values()))
    report = graded.reports[name]
    assert report["sandbox"] == "namespaces"
    assert [item["status"] for item in report["checks"] if item["status"] == "errored"] == []
    assert [item["message"] for item in report["checks"] if item["status"] == "failed"]
    assert all(item["message"] for item in report["checks"] if item["status"] == "failed")
    assert not any("<script id='forged'>" in html for html in html_of(graded.graded_text(name)))


def html_of(notebook):
    for cell in json.loads(notebook)["cells"]:
        for output in cell.get("outputs", ()):
            html = output.get("data", {}).get("text/html", "")
            yield html if isinstance(html, str) else "".join(html)


@walled
@pytest.mark.slow
def test_both_ways_of_grading_agree_on_every_attack(graded):
    assert graded.by_ksim == graded.by_nbgrader
    assert graded.result.errored == []
    assert len(graded.result.graded) == len(FILES) + 2


@walled
@pytest.mark.slow
def test_no_worker_says_anything_that_it_must_not_know(graded):
    secrets = [graded.secret, str(graded.seed), "course_secret\n", "def regions(", lab1.__doc__]
    hidden = [item.id for item in lab1.CHECKS] + [item.function.__doc__ for item in lab1.CHECKS]
    words = [item.encode() for item in (*secrets, *hidden)] + [msgspec.msgpack.encode(graded.seed)]
    said = b"\n".join(graded.sent)
    assert [word for word in words if word in said] == []
    assert b"LOOT" in said


@walled
@pytest.mark.slow
def test_nothing_is_written_or_reached_outside(graded):
    assert graded.outside.reached() == []
    assert list(graded.outside.folder.iterdir()) == []
    files = [path.name for path in (graded.folder / "submitted").glob("*/*/*")]
    assert set(files) == {f"{LAB}.ipynb"}


@walled
@pytest.mark.slow
def test_another_s_grade_is_what_it_is_without_the_attacks(graded):
    with small([]):
        alone = grading.grade_text(HONEST, LAB, "honest.py", graded.seed, sandbox="auto")
    scores = {item["id"]: item["points"] for item in alone.checks}
    assert graded.by_ksim["honest"] == graded.by_nbgrader["honest"] == scores


@walled
@pytest.mark.slow
def test_a_right_answer_among_the_attacks_has_its_points(graded):
    points = read_course(Path("course.yml")).lab(LAB)
    full = {name: points.check(name).points for name in CHECKS}
    assert graded.by_ksim["neighbour"] == graded.by_nbgrader["neighbour"] == full


@walled
@pytest.mark.slow
@pytest.mark.parametrize("name", ["honest", "neighbour", *FILES])
def test_the_course_s_secret_is_in_no_graded_notebook(graded, name):
    assert graded.secret not in graded.graded_text(name)


@pytest.mark.skipif(sys.platform == "win32", reason="signals and limits are Unix's")
@pytest.mark.parametrize("name", FORGING)
def test_forging_fails_at_the_boundary_alone(unwalled, name):
    report = unwalled(FILES[name].read_text("utf-8"), name=f"{name}.py")
    assert report.score <= float(HEADERS[name]["expected_score"])
    assert {item["status"] for item in report.checks} <= {"failed", "partly"}
    assert all(item["message"] for item in report.checks)


def test_every_attack_is_named_in_the_threat_model():
    page = Path("docs/explanation/what-the-grader-trusts.md").read_text("utf-8")
    assert [name for name in FILES if f"| `{name}` | {HEADERS[name]['wall']} |" not in page] == []
