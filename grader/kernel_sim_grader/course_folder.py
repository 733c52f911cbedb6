"""The course folder that nbgrader works in: built from the course, released lab by lab.

::

    build/course/
    ├── nbgrader_config.py    settings: where everything is, and who grades
    ├── lab_settings/         JupyterLab's settings: --LabApp.app_settings_dir=lab_settings
    ├── course_secret         what grading seeds come from; never leaves this folder
    ├── source/lab1/          notebook with solutions          ksim course build
    ├── release/lab1/         what students get                ksim course release
    ├── submitted/ autograded/ feedback/ gradebook.db          nbgrader's, and ksim grade's
    ├── gradebook_url         where the gradebook is, if not in gradebook.db
    └── .ksim-built.json      digests of what was built
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kernel_sim.errors import InputError
from kernel_sim_grader.build import lab_notebook
from kernel_sim_grader.built_files import BuiltFiles
from kernel_sim_grader.course import Course
from kernel_sim_grader.seeds import make_secret

CONFIG_FILE: Final = "nbgrader_config.py"
LAB_SETTINGS_FILE: Final = "lab_settings/overrides.json"
LAB_SETTINGS: Final = {
    "@jupyterlab/apputils-extension:kernels-settings": {"commsOverSubshells": "disabled"},
    "@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True},
}
"""Widgets are called back between cells, never beside one; a reopened notebook still shows them."""

_CONFIG: Final = '''\
"""nbgrader's settings for this course, written by `ksim course build`."""

from pathlib import Path

try:
    from kernel_sim_grader.gradebook_url import gradebook_url
    from kernel_sim_grader.preprocessor import configure

    c = get_config()
    folder = Path(__file__).resolve().parent
    c.CourseDirectory.root = str(folder)
    c.CourseDirectory.course_id = "{course_id}"
    c.CourseDirectory.db_url = gradebook_url(folder)  # a file, or what gradebook_url says
    configure(c)  # our checks take the place of running the notebook
except Exception as error:  # nbgrader would go on without, and run what students wrote
    raise SystemExit(f"kernel-sim can't set nbgrader up, so it does not start: {{error}}") from None
'''


def build_course(
    course: Course, folder: Path, labs: Sequence[str] = (), *, force: bool = False
) -> list[Path]:
    """Build ``labs``, or all, into the course ``folder``; returns the files that were written.

    Raises:
        InputError: a lab and the course do not agree, or, without ``force``, a built file was
            changed by hand; nothing is written then.
    """
    files = {
        CONFIG_FILE: _CONFIG.format(course_id=course.id),
        LAB_SETTINGS_FILE: json.dumps(LAB_SETTINGS, indent=2) + "\n",
    }
    for name in labs or course.labs:
        files[source_name(name)] = lab_notebook(course.lab(name))
    written = BuiltFiles(folder).write(files, force=force)
    make_secret(folder)
    return written + write_weights(course)


def write_weights(course: Course) -> list[Path]:
    """Bring the students' ``course.json`` up to date, if it lies beside ``course.yml``."""
    path = course.file.parent / "kernel_sim" / "data" / "course.json"
    text = json.dumps(course.as_json(), indent=2, ensure_ascii=False) + "\n"
    if not path.parent.is_dir() or (path.is_file() and path.read_text(encoding="utf-8") == text):
        return []
    path.write_text(text, encoding="utf-8", newline="\n")
    return [path]


def release_lab(course: Course, folder: Path, name: str, *, force: bool = False) -> list[Path]:
    """Make the students' notebook of a lab by nbgrader's own ``generate_assignment``.

    The lab is built first, unless its source was changed by hand: then that source is released.

    Returns:
        The released notebook.

    Raises:
        InputError: there is no such lab, nbgrader refuses, or, without ``force``, the released
            notebook was changed by hand.
    """
    course.lab(name)
    released = f"release/{name}/{name}.ipynb"
    built = BuiltFiles(folder)
    if not force:
        built.refuse_changed([released])
    if not built.is_changed(source_name(name)):
        build_course(course, folder, [name], force=force)
    _generate_assignment(folder, name)
    BuiltFiles(folder).record([released])
    return [folder / released]


def source_name(lab: str) -> str:
    """The path of a lab's source notebook in the course folder."""
    return f"source/{lab}/{lab}.ipynb"


def _generate_assignment(folder: Path, name: str) -> None:
    """Run nbgrader on the lab's source.

    nbgrader starts ``alembic`` by name: this interpreter's scripts come first on the path.
    """
    scripts = str(Path(sys.executable).parent)
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", name, "--force"]
    result = subprocess.run(  # noqa: S603 - our interpreter; the name is one of the course's
        command,
        cwd=folder,
        env={**os.environ, "PATH": os.pathsep.join((scripts, os.environ.get("PATH", "")))},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if result.returncode != 0:
        raise InputError(f"nbgrader can't release it: {_reason(result.stderr)}", where=name)


def _reason(log: str) -> str:
    """The line of nbgrader's log that says what went wrong."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    causes = [line for line in lines if "Error:" in line or "Exception:" in line]
    return (causes or lines or ["it gave no reason"])[-1]
