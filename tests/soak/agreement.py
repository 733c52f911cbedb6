"""Grade the corpus in every way that there is, and compare: ``agreement.py [EVERY [LAB...]]``.

Each plugin of the corpora, or every EVERY-th, is handed in as a notebook. nbgrader's own autograde,
`ksim grade` with one and two jobs, and with a Dask cluster of this machine have to write the same
grades and comments into their gradebooks. Linux only; in full it takes an hour.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

from distributed import LocalCluster

from kernel_sim_grader.class_grading import ClassFolder, Means, grade_class
from kernel_sim_grader.corpus import specimens
from kernel_sim_grader.course import read_course
from kernel_sim_grader.course_folder import release_lab
from kernel_sim_grader.grading import end_workers
from kernel_sim_grader.sample_class import SampleStudent, corpus_folder, hand_in

CLASS = import_module("class_folder")  # beside this script
SANDBOX = os.environ.get("KSIM_SANDBOX", "auto")


def make_class(folder, lab, every):
    """A course in which every ``every``-th plugin of the lab's corpus was handed in."""
    (released,) = release_lab(read_course(CLASS.ROOT / "course.yml"), folder, lab)
    room = ClassFolder(folder, lab)
    for specimen in specimens(lab, corpus_folder())[::every]:
        student = SampleStudent(specimen.name.replace("/", "-"), specimen)
        hand_in(released, student, room.notebook(student.name))
    return room


def by_nbgrader(course, lab):
    """The command as an instructor types it."""
    scripts = str(Path(sys.executable).parent)
    subprocess.run(
        [Path(scripts, "nbgrader"), "autograde", lab],
        cwd=course,
        env={**os.environ, "PATH": os.pathsep.join((scripts, os.environ["PATH"]))},
        capture_output=True,
        check=True,
    )


def by_ksim(means):
    def grade(course, lab):
        grade_class(ClassFolder(course, lab), means, sandbox=SANDBOX)
        end_workers()

    return grade


def by_cluster(course, lab):
    options = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "host": "127.0.0.1"}
    with LocalCluster(n_workers=2, silence_logs=50, **options) as cluster:
        by_ksim(Means(2, cluster=cluster.scheduler_address))(course, lab)


WAYS = {
    "nbgrader autograde": by_nbgrader,
    "ksim grade": by_ksim(Means()),
    "ksim grade --jobs 2": by_ksim(Means(2)),
    "ksim grade --cluster": by_cluster,
}


def recorded(course):
    """Every grade and comment in the gradebook."""
    connection = sqlite3.connect(course / "gradebook.db")
    try:
        return [connection.execute(query).fetchall() for query in (CLASS.GRADES, CLASS.COMMENTS)]
    finally:
        connection.close()


def compared(lab, every, folder):
    """How many submissions of ``lab`` there are, and the ways that differ from the first."""
    room = make_class(folder / "course", lab, every)
    first, different = None, []
    for number, (name, grade) in enumerate(WAYS.items()):
        course = folder / str(number)
        shutil.copytree(room.course, course)
        started = time.monotonic()
        grade(course, lab)
        found = recorded(course)
        say(f"{lab}: {name}: {len(found[0])} grades, {time.monotonic() - started:.0f} s")
        first = first or found
        if found != first:
            different.append(name)
            pairs = (
                pair
                for ours, theirs in zip(first, found, strict=True)
                for pair in zip(ours, theirs, strict=False)
            )
            say(f"WRONG {next((pair for pair in pairs if pair[0] != pair[1]), 'another number')}")
    return len(room.students()), different


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(every=1, labs=("lab1", "lab2", "lab3", "lab4", "lab5")):
    """1 if two ways differ."""
    wrong = 0
    for lab in labs:
        with tempfile.TemporaryDirectory() as folder:
            count, different = compared(lab, every, Path(folder))
        verdict = f"differ: {', '.join(different)}" if different else "agree"
        mark = "WRONG" if different else "ok   "
        say(f"{mark} {lab}: {count} submissions, {len(WAYS)} ways {verdict}")
        wrong += bool(different)
    return min(wrong, 1)


if __name__ == "__main__":
    every, *labs = sys.argv[1:] or ["1"]
    sys.exit(main(int(every), *([labs] if labs else [])))
