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
from html import unescape
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
from kernel_sim_grader.feedback import HIDDEN
from kernel_sim_grader.feedback_pages import feedback_page, write_feedback
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
RIGHT = Path("grader/corpus/lab1/correct/sweep_line.py")
MARK = "# every check is asked about this answer\n"
NEIGHBOURS = ("neighbour", "zz-last")
"""They hand in a right answer, one graded among the attacks and one after all of them."""
WAITING = {"deep_recursion", "half_a_frame", "long_list", "loop", "loop_that_swallows"}
WAITING |= {"signal_handlers", "stop_itself"}
"""Each waits for the same clocks as `sleep`, so nbgrader's commands are spared them."""
CANARY = "/a-canary"
"""Stands in variables of the grader's environment."""
KINDS = {"forge", "read", "reach", "resource", "timing", "smuggle", "detect", "notebook"}
HONEST = """from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    return []
"""


def header(path):
    lines = path.read_text("utf-8").splitlines()[: len(FIELDS)]
    return dict(line.removeprefix("# ").split(": ", 1) for line in lines)


FULL = {check["id"]: check["points"] for check in grading.lab_facts(LAB)["checks"]}
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
    """A course with two right answers and all attacks, graded in both ways, with feedback."""

    def __init__(self, folder, outside):
        self.folder, self.outside = folder, outside
        (released,) = release_lab(read_course(Path("course.yml")), folder, LAB)
        self.released = json.loads(released.read_text("utf-8"))
        self.secret = (folder / SECRET_FILE).read_text("ascii").strip()
        self.seed = grading_seed(read_secret(folder), LAB)
        self.sent = []
        self.hand_in("honest", HONEST)
        for student in NEIGHBOURS:
            self.hand_in(student, MARK + RIGHT.read_text("utf-8"))
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
        names = ["honest", *NEIGHBOURS, *FILES]
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
        write_feedback(self.folder, LAB)

    def points(self, student):
        asked = CHECKS if student not in NEIGHBOURS else FULL
        with Gradebook(f"sqlite:///{self.folder / 'gradebook.db'}") as gradebook:
            found = gradebook.find_submission_notebook(LAB, LAB, student)
            return {item.name: item.auto_score for item in found.grades if item.name in asked}

    def graded_text(self, student):
        path = self.folder / "autograded" / student / LAB / f"{LAB}.ipynb"
        return path.read_text("utf-8")

    def page(self, student):
        return feedback_page(self.folder, LAB, student).read_text("utf-8")


def tamper_of(text):
    """The function that an attack on the notebook is; it is the corpus's own, not a plugin."""
    spec = importlib.util.spec_from_loader("tamper", loader=None)
    module = importlib.util.module_from_spec(spec)
    exec(compile(text, "tamper", "exec"), module.__dict__)  # noqa: S102 - our own corpus
    return module.tamper


@contextlib.contextmanager
def small(sent):
    """Few checks under tight limits, and all that workers say kept in ``sent``."""
    ask, check = WorkerProcess.request, run.run_checks

    def request(self, *arguments):
        sent.append(ask(self, *arguments))
        return sent[-1]

    def source(roles, sandbox):
        return worker_source(roles, LIMITS, sandbox)

    def run_checks(lab, make_bench, seed):
        marked = any(MARK in getattr(item, "text", "") for item in getattr(make_bench, "args", ()))
        return check(lab, make_bench, seed, only=None if marked else CHECKS)

    grading.end_workers()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grading, "worker_source", source)
        patch.setattr(run, "run_checks", run_checks)
        patch.setattr(WorkerProcess, "request", request)
        yield
        grading.end_workers()


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    outside = Outside(tmp_path_factory.mktemp("attacks"))
    with contextlib.closing(outside):
        room = Class(tmp_path_factory.mktemp("course"), outside)
        with small(room.sent), pytest.MonkeyPatch.context() as patch:
            for name in ("KSIM_TEST", "HOME"):
                patch.setenv(name, CANARY)
            patch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{CANARY}")
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
    assert "<script id='forged'>" not in graded.page(name)


def html_of(notebook, grade_id=None):
    for cell in json.loads(notebook)["cells"]:
        if grade_id in (None, cell["metadata"].get("nbgrader", {}).get("grade_id")):
            for output in cell.get("outputs", ()):
                if html := "".join(output.get("data", {}).get("text/html", "")):
                    yield html


def hidden_lines():
    """The lines of the hidden checks' module that say something, and stand nowhere else."""
    lines = {line.strip() for line in Path(lab1.__file__).read_text("utf-8").splitlines()}
    told = {item.function.__doc__ for item in lab1.CHECKS}
    return sorted(line for line in lines if len(line) > 24 and line.strip('"') not in told)


@walled
@pytest.mark.slow
def test_both_ways_of_grading_agree_on_every_attack(graded):
    assert graded.by_ksim == graded.by_nbgrader
    assert graded.result.errored == []
    assert len(graded.result.graded) == len(FILES) + len(NEIGHBOURS) + 1


@walled
@pytest.mark.slow
def test_no_worker_says_anything_that_it_must_not_know(graded):
    secrets = [graded.secret, str(graded.seed), "course_secret\n", "def regions(", CANARY]
    hidden = [item.id for item in lab1.CHECKS] + [item.function.__doc__ for item in lab1.CHECKS]
    words = [item.encode() for item in (*secrets, *hidden, *hidden_lines())]
    words.append(msgspec.msgpack.encode(graded.seed))
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
@pytest.mark.parametrize("name", NEIGHBOURS)
def test_a_right_answer_among_the_attacks_has_all_its_points(graded, name):
    assert graded.by_ksim[name] == graded.by_nbgrader[name] == FULL
    assert sum(FULL.values()) == 90


@walled
@pytest.mark.slow
@pytest.mark.parametrize("name", ["honest", *NEIGHBOURS, *FILES])
def test_neither_notebook_nor_feedback_tells_what_is_hidden(graded, name):
    for text in (graded.graded_text(name), unescape(graded.page(name))):
        assert [words for words in (graded.secret, *hidden_lines()) if words in text] == []
    (shown,) = html_of(graded.graded_text(name), "hidden-regions")
    (report,) = [item for item in graded.reports[name]["checks"] if item["id"] == "hidden-regions"]
    if report["status"] == "failed":
        case = report["counterexample"] or {}
        found = [report["message"], *case.get("operations", ())]
        assert [words for words in found if words and words in unescape(shown)] == []
        assert HIDDEN["rule"] in unescape(shown)
        assert shown in graded.page(name)


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
