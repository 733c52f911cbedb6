"""Feedback pages: nbgrader's own, made faster, and without anything of a student's that runs."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbconvert.filters import markdown2html
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.server_extensions.formgrader import handlers

from kernel_sim_grader.autograde_app import autograde_app
from kernel_sim_grader.build import lab_notebook
from kernel_sim_grader.class_grading import ClassFolder, grade_class
from kernel_sim_grader.cleaned_markdown import cleaned_markdown
from kernel_sim_grader.cli.grade import app as grade_command
from kernel_sim_grader.course import read_course
from kernel_sim_grader.course_folder import release_lab
from kernel_sim_grader.feedback_pages import feedback_page, write_feedback
from kernel_sim_grader.grading import end_workers
from kernel_sim_grader.sample_class import answer

LAB = "lab1"
COURSE = Path("course.yml")
RIGHT = Path("grader/corpus/lab1/correct/sweep_line.py")
WRONG = Path("grader/corpus/lab1/wrong/stride_20.py")
HOSTILE = [
    "<script>document.title = 'mine'</script>",
    "<img src=x onerror=alert(1)>",
    "[look](javascript:alert(1)) <a href='java&Tab;script:alert(1)'>there</a>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<form action='/formgrader/api'><button>ok</button></form>",
    "<style>body { display: none }</style><p style='position:fixed'>over all</p>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img onerror=a()&gt;'>",
    "<object data=x></object><embed src=x><base href='//x'><meta http-equiv=refresh content=0>",
    "<a class='btn full-credit' id='classify' href='#'>the picture</a>",
    "| a |\n|:-:|\n| <img src=x onerror=alert(1)> |",
]
ODD = [
    "$<script>alert(1)</script>$ and $$\\href{x}{<img src=x onerror=alert(1)>}$$",
    "```mermaid\nclick A alert(1)\n```",
]
"""What nbconvert makes harmless by itself."""
BANNED = {"script", "style", "iframe", "svg", "form", "button", "object", "embed", "base", "meta"}


def elements_of(html):
    return BeautifulSoup(html, "html.parser").find_all(True)


def running(html):
    """What in a page could run, or pose as the page's own."""
    found = [str(item)[:120] for item in elements_of(html) if item.name in BANNED]
    for item in elements_of(html):
        handlers_of = [name for name in item.attrs if name.startswith("on")]
        links = ["".join(item.get(name, "").split()) for name in ("href", "src", "action")]
        poses = "full-credit" in item.get("class", []) or item.get("style", "").find(":f") >= 0
        if handlers_of or poses or any(link.lower().startswith("javascript:") for link in links):
            found.append(str(item)[:120])
    return found


def put(notebook, texts):
    """Write markdown cells: the first into the rationale, the others as cells of one's own."""
    (cell,) = [
        cell
        for cell in notebook["cells"]
        if cell["cell_type"] == "markdown" and cell["metadata"].get("nbgrader", {}).get("solution")
    ]
    cell["source"] = "\n\n".join(texts)
    for kind in ("markdown", "raw"):
        for text in texts:
            own = {"cell_type": kind, "metadata": {"raw_mimetype": "text/html"}, "source": text}
            notebook["cells"].append({**own, "id": f"own-{len(notebook['cells'])}"})


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    (released,) = release_lab(read_course(COURSE), folder, LAB)
    room = ClassFolder(folder, LAB)
    for student, path in {"right": RIGHT, "wrong": WRONG, "hostile": WRONG}.items():
        notebook = json.loads(released.read_text("utf-8"))
        answer(notebook, path.read_text("utf-8"))
        if student == "hostile":
            put(notebook, HOSTILE + ODD)
        target = room.notebook(student)
        target.parent.mkdir(parents=True)
        target.write_text(json.dumps(notebook), "utf-8")
    grade_class(room, sandbox="none")
    end_workers()
    return room


@pytest.fixture(scope="module")
def pages(room):
    write_feedback(room.course, LAB)
    return {name: feedback_page(room.course, LAB, name).read_text("utf-8") for name in STUDENTS}


STUDENTS = ("right", "wrong", "hostile")


@pytest.mark.skipif(sys.platform == "win32", reason="graded notebooks are made read-only")
@pytest.mark.parametrize("student", ["right", "wrong"])
def test_a_page_is_the_one_that_nbgrader_itself_makes(room, pages, student):
    coursedir = CourseDirectory(root=str(room.course), feedback_directory="stock")
    coursedir.db_url = f"sqlite:///{room.course / 'gradebook.db'}"
    coursedir.assignment_id, coursedir.student_id = LAB, student
    GenerateFeedback(coursedir=coursedir).start()
    page = (room.course / "stock" / student / LAB / f"{LAB}.html").read_text("utf-8")
    shutil.rmtree(room.course / "stock")
    assert BeautifulSoup(page, "html.parser") == BeautifulSoup(pages[student], "html.parser")
    assert "Grade cell" in page


def test_nothing_of_a_student_s_runs_in_a_feedback_page(pages):
    own = set(running(pages["right"]))
    assert set(running(pages["hostile"])) - own == set()
    assert "over all" in pages["hostile"]


def test_nothing_of_a_student_s_runs_in_the_formgrader(room):
    with autograde_app(room.course) as app:
        config = app.config.copy()
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    exporter = HTMLExporter(config=config)
    shown = {}
    for student in STUDENTS:
        resources = {"index": 0, "total": 1, "base_url": "", "notebook_path": "x"}
        path = room.course / "autograded" / student / LAB / f"{LAB}.ipynb"
        shown[student], _ = exporter.from_filename(str(path), resources=resources)
    buttons = {text for text in running(shown["right"]) if "function(" not in text}
    found = {text for text in running(shown["hostile"]) if "function(" not in text}
    assert found - buttons == set()
    assert "over all" in shown["hostile"]


def test_ksim_grade_writes_the_pages_of_those_it_grades_and_of_those_who_have_none(room, pages):
    written = {name: feedback_page(room.course, LAB, name) for name in pages}
    before = {name: path.stat().st_mtime_ns for name, path in written.items()}
    written["wrong"].unlink()
    notebook = room.notebook("right")
    notebook.write_text(notebook.read_text("utf-8") + "\n", "utf-8")
    options = ["--course", str(room.course), "--sandbox", "none", "--jobs", "1", "--feedback"]
    with pytest.raises(SystemExit, match="0"):
        grade_command([LAB, *options, "--json"])
    changed = {name for name, path in written.items() if path.stat().st_mtime_ns != before[name]}
    assert changed == {"right", "wrong"}
    assert {name: path.read_text("utf-8") for name, path in written.items()} == pages


@pytest.mark.parametrize("text", HOSTILE)
def test_what_could_run_is_shown_as_it_was_typed(text):
    assert running(markdown2html(text))
    assert running(cleaned_markdown(text)) == []


def test_text_links_pictures_tables_and_programs_stay():
    text = "**a** [b](https://c.d) ![e](f.png)\n\n| g |\n|:-:|\n| h |\n\n```python\ni = 1\n```"
    names = {item.name for item in elements_of(cleaned_markdown(text))}
    assert names >= {"strong", "a", "img", "table", "td", "pre", "span"}


@pytest.mark.parametrize("lab", read_course(COURSE).labs)
def test_the_course_s_own_texts_are_shown_as_they_are(lab):
    cells = json.loads(lab_notebook(read_course(COURSE).lab(lab)))["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    assert texts
    for text in texts:
        cleaned = BeautifulSoup(cleaned_markdown(text), "html.parser")
        assert cleaned == BeautifulSoup(markdown2html(text), "html.parser")
