"""``ksim course``: build the labs' notebooks, release them, try a sample class."""

from pathlib import Path
from typing import Annotated, Final

import typer

from kernel_sim.cli.screen import console, print_json, table

BUILD_FOLDER: Final = Path("build/course")
"""Where the course is built, below the folder of ``course.yml``."""

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Labs, releases, samples.")

FileOption = Annotated[
    Path | None,
    typer.Option("--file", metavar="FILE", help="The course.yml; else the nearest, upwards."),
]
CourseOption = Annotated[
    Path | None,
    typer.Option("--course", metavar="DIR", help="Where to; else build/course beside course.yml."),
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Overwrite what was changed by hand since it was built.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@app.command()
def build(  # noqa: PLR0913, PLR0917 - one for each option
    labs: Annotated[list[str] | None, typer.Argument(help="Labs such as lab1; else all.")] = None,
    course: CourseOption = None,
    file: FileOption = None,
    db_url: Annotated[
        str | None, typer.Option(help="Where the gradebook is to be: postgresql://…")
    ] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Lab texts and course.yml → nbgrader's source notebooks and settings."""
    from kernel_sim_grader.course import find_course, read_course  # noqa: PLC0415 - not for --help
    from kernel_sim_grader.course_folder import build_course  # noqa: PLC0415 - imports nbformat
    from kernel_sim_grader.gradebook_url import keep_url  # noqa: PLC0415 - not for --help

    found = read_course(file or find_course(Path.cwd()))
    target = _folder(found.file, course)
    written = build_course(found, target, labs or (), force=force)
    if db_url is not None:
        written.append(keep_url(target, db_url))
    names = labs or list(found.labs)
    if as_json:
        print_json({"labs": names, "written": [str(path) for path in written]})
        return
    listing = table("lab", "title", "#checks", "#visible", "#points", "#by hand", "hours")
    for name in names:
        lab = found.lab(name)
        visible = sum(check.points for check in lab.checks if check.visible)
        total = sum(check.points for check in lab.checks)
        hours = "{} to {}".format(*lab.hours)
        counts = (str(n) for n in (len(lab.checks), visible, total, lab.rationale))
        listing.add_row(name, lab.title, *counts, hours)
    console().print(listing)
    _print_written(written, target)


@app.command()
def release(
    lab: Annotated[str, typer.Argument(help="A lab such as lab1.")],
    course: CourseOption = None,
    file: FileOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make the notebook that students get, by nbgrader's generate_assignment."""
    from kernel_sim_grader.course import find_course, read_course  # noqa: PLC0415 - not for --help
    from kernel_sim_grader.course_folder import release_lab  # noqa: PLC0415 - imports nbformat

    found = read_course(file or find_course(Path.cwd()))
    target = _folder(found.file, course)
    written = release_lab(found, target, lab, force=force)
    if as_json:
        print_json({"labs": [lab], "written": [str(path) for path in written]})
    else:
        _print_written(written, target)


@app.command()
def demo(
    course: Annotated[
        Path | None, typer.Option("--course", metavar="DIR", help="Where to; else build/demo here.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Build and release a course, hand in for a sample class, grade it and show the table."""
    from kernel_sim_grader.demo import run_demo  # noqa: PLC0415 - imports nbgrader

    run_demo(course or Path("build/demo"), as_json=as_json)


def _folder(course_file: Path, folder: Path | None) -> Path:
    """The course folder: as told, else below the course's own or, for the packaged one, here."""
    if folder is not None:
        return folder.absolute()
    packaged = course_file.parent.name == "course_data"
    return (Path.cwd() if packaged else course_file.absolute().parent) / BUILD_FOLDER


def _print_written(written: list[Path], folder: Path) -> None:
    for path in written:
        console().print(f"written  {path}", soft_wrap=True)
    if not written:
        console().print(f"nothing to do: {folder} is up to date", soft_wrap=True)
