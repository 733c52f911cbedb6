"""``ksim lab``: open JupyterLab on one's own copy of a released lab, or of an exploration."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from kernel_sim.cli.screen import console
from kernel_sim.errors import InputError
from kernel_sim_grader.cli.course_option import CourseFolder, course_folder
from kernel_sim_grader.exploration import explorations, own_exploration

WORK_FOLDER: Final = "my-labs"

app = typer.Typer(add_completion=False)


@app.command()
def lab(
    name: Annotated[
        str,
        typer.Argument(metavar="LAB", help="A released lab, or an exploration such as four-boots."),
    ] = "lab1",
    course: CourseFolder = None,
    folder: Annotated[
        Path | None, typer.Option(help=f"Where your copy lies; else {WORK_FOLDER} here.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
) -> None:
    """Open JupyterLab on your own copy of a released lab; a copy that is there is kept as it is."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise InputError("JupyterLab is not installed", expected="kernel-sim[notebook]")
    own = (folder or Path(WORK_FOLDER)).resolve()
    text = explorations(Path.cwd()).get(name)
    notebook = own_exploration(text, own) if text else own_copy(course_folder(course), name, own)
    console().print(f"your copy: {notebook}", soft_wrap=True)
    command = [sys.executable, "-m", "jupyterlab", notebook.name]
    if not browser:
        command.append("--no-browser")
    status = subprocess.run(command, cwd=notebook.parent, check=False).returncode  # noqa: S603
    raise typer.Exit(status)


def own_copy(course: Path, name: str, folder: Path) -> Path:
    """The notebook to work in: made from the release once, and never overwritten.

    Raises:
        InputError: the lab has not been released.
    """
    released = course / "release" / name
    if not (released / f"{name}.ipynb").is_file():
        raise InputError(
            f"{name} has not been released",
            where=str(course),
            expected=f"ksim course release {name}",
        )
    target = folder / name
    for source in sorted(path for path in released.rglob("*") if path.is_file()):
        path = target / source.relative_to(released)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, path)
    return target / f"{name}.ipynb"
