"""A class to grade over and over, and what its records say: for the long tests."""

import json
import sqlite3
from pathlib import Path

from kernel_sim_grader.class_grading import ClassFolder
from kernel_sim_grader.corpus import specimens
from kernel_sim_grader.course import read_course
from kernel_sim_grader.course_folder import release_lab
from kernel_sim_grader.sample_class import SampleStudent, answer, corpus_folder, hand_in

ROOT = Path(__file__).resolve().parent.parent.parent
LAB = "lab1"
GRADES = """
select s.student_id, b.name, g.auto_score, g.manual_score, g.needs_manual_grade
from grade g join base_cell b on b.id = g.cell_id
join submitted_notebook n on n.id = g.notebook_id
join submitted_assignment s on s.id = n.assignment_id order by 1, 2
"""
COMMENTS = GRADES.replace("grade g", "comment g").replace(
    "g.auto_score, g.manual_score, g.needs_manual_grade", "g.auto_comment, g.manual_comment"
)


def released_class(folder):
    """A course in ``folder`` with the lab released and nobody's work yet."""
    (released,) = release_lab(read_course(ROOT / "course.yml"), folder, LAB)
    return ClassFolder(folder, LAB), released


def hand_in_corpus(room, released, names):
    """Let one student hand in each of the corpus's plugins ``names``."""
    found = {specimen.name: specimen for specimen in specimens(LAB, corpus_folder())}
    for number, name in enumerate(names):
        student = SampleStudent(f"{number:02}-{name.replace('/', '-')}", found[name])
        hand_in(released, student, room.notebook(student.name))


def hand_in_text(room, released, student, source):
    """Let ``student`` hand in an answer."""
    notebook = json.loads(released.read_text("utf-8"))
    answer(notebook, source)
    path = room.notebook(student)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")


def snapshot(course, server=None):
    """All that grading has written, without what no two runs share: how long it took.

    The gradebook is the course's file, or the one that ``server`` holds.
    """
    if server is not None:
        rows = [server.ask(query) for query in (GRADES, COMMENTS)]
    else:
        connection = sqlite3.connect(course / "gradebook.db")
        try:
            rows = [connection.execute(query).fetchall() for query in (GRADES, COMMENTS)]
        finally:
            connection.close()
    notebooks = {
        str(path.relative_to(course)): path.read_bytes() for path in course.glob("autograded/*/*/*")
    }
    reports = {}
    for path in course.glob(f"reports/{LAB}/*.json"):
        reports[path.stem] = json.loads(path.read_text("utf-8"))
        del reports[path.stem]["seconds"]
    return {"grades": rows[0], "comments": rows[1], "notebooks": notebooks, "reports": reports}
