"""The demonstration: machines boot, a lab is built and released, a sample class is graded.

::

    firmware maps ─▶ boots ─▶ screen
    course ─▶ release ─▶ 14 submissions ─▶ gradebook ─▶ feedback
"""

import json
import shutil
import time
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from kernel_sim.boot import Boot, boot
from kernel_sim.cli.screen import console, print_json, table
from kernel_sim.errors import InputError
from kernel_sim.machine import machine_names, machine_spec
from kernel_sim_grader import feedback
from kernel_sim_grader.built_files import LIST_FILE
from kernel_sim_grader.class_grading import ClassFolder, ClassResult, grade_class
from kernel_sim_grader.course import find_course, read_course
from kernel_sim_grader.course_folder import release_lab
from kernel_sim_grader.feedback_pages import feedback_page, write_feedback
from kernel_sim_grader.grade_progress import grading_bar
from kernel_sim_grader.grade_table import report_table, statistics_lines
from kernel_sim_grader.grading import lab_facts, read_report, workers
from kernel_sim_grader.report import GradeRow, grade_rows, statistics_of
from kernel_sim_grader.sample_class import SampleStudent, hand_in, sample_class
from kernel_sim_grader.sandbox.modes import Sandbox

LAB: Final = "lab1"
GOLDEN: Final = "pc128"
REMARK_CHARACTERS: Final = 66


def run_demo(folder: Path, *, as_json: bool = False) -> None:
    """Run the demonstration in ``folder``, which is made anew.

    Raises:
        InputError: the folder holds something that is not a demonstration's.
    """
    out = Console(quiet=True) if as_json else console()
    started = time.monotonic()
    folder = folder.resolve()
    _empty(folder)
    _heading(out, f"1  kernel-v boots on {GOLDEN} and on the maps of real machines")
    machines = _boot_all(out)
    _heading(out, "2  Lab 1 is built and released, and a class hands in")
    students = _fresh_class(folder)
    _show_class(out, folder, students)
    _heading(out, "3  The class is graded, each submission in a process of its own")
    result = _grade(folder, shown=not as_json)
    rows = grade_rows(folder, LAB)
    _show_grades(out, rows)
    case = _failing_case(folder, rows)
    if case is not None:
        _heading(out, f"4  What {case[0]} reads")
        _show_case(out, folder, case[1])
    _heading(out, "5  Where everything is")
    _show_places(out, folder, case[0] if case else students[0].name)
    seconds = round(time.monotonic() - started, 1)
    out.print(f"done in {seconds} s")
    if as_json:
        graded = result.as_json()
        print_json({"machines": machines, "folder": str(folder), "seconds": seconds, **graded})


def _heading(out: Console, text: str) -> None:
    out.print()
    out.rule(f"[bold]{text}[/]", align="left", style="dim")


# --- machines -------------------------------------------------------------------------------------


def _boot_all(out: Console) -> list[dict[str, Any]]:
    """Boot on `GOLDEN` and every real map; show the table and the screen."""
    names = [GOLDEN, *(name for name in machine_names() if name.startswith("map-"))]
    rows = []
    with grading_bar("booting", len(names), shown=not out.quiet) as step:
        for name in names:
            rows.append(_boot_row(name))
            step(name)
    out.print(_machine_table(rows))
    booted = sum(row["result"] == "booted" for row in rows)
    out.print(f"{booted} of {len(rows)} machines boot; the others say why they can't")
    out.print(_screen(boot(machine=GOLDEN)))
    return rows


def _boot_row(name: str) -> dict[str, Any]:
    """What came of one boot."""
    spec = machine_spec(name)
    row = {
        "machine": name,
        "title": spec.title,
        "entries": len(spec.entries),
        "usable_frames": None,
    }
    reason = spec.bootable()
    if reason is not None:
        return {**row, "result": reason}
    report = boot(machine=spec).as_json()
    failed = [step["name"] for step in report["steps"] if not step["ok"]]
    result = f"stopped at {failed[0]}" if failed else "booted"
    return {**row, "usable_frames": report["frames"]["usable"], "result": result}


def _machine_table(rows: list[dict[str, Any]]) -> Table:
    listing = table("machine", "#entries", "#usable frames", "boot", "what it is, or why not")
    for row in rows:
        booted = row["result"] == "booted"
        frames = "-" if row["usable_frames"] is None else f"{row['usable_frames']:,}"
        result = Text("booted", style="green") if booted else Text("no", style="yellow")
        remark = Text(_cut(row["title"] if booted else row["result"]))
        listing.add_row(row["machine"], str(row["entries"]), frames, result, remark)
    return listing


def _cut(text: str) -> str:
    """At most `REMARK_CHARACTERS`, so that a machine takes one line."""
    return text if len(text) <= REMARK_CHARACTERS else text[: REMARK_CHARACTERS - 1] + "…"


def _screen(booted: Boot) -> Panel:
    lines = "\n".join(booted.machine.vga.lines()).rstrip()
    return Panel(Text(lines, style="white on black"), title=f"the screen of {GOLDEN}", width=84)


# --- the class ------------------------------------------------------------------------------------


def _fresh_class(folder: Path) -> list[SampleStudent]:
    """Build and release the lab in an empty ``folder``, and hand in for every student."""
    course = read_course(find_course(Path.cwd()))
    (released,) = release_lab(course, folder, LAB)
    students = sample_class(LAB)
    for student in students:
        hand_in(released, student, ClassFolder(folder, LAB).notebook(student.name))
    return students


def _empty(folder: Path) -> None:
    """Remove what an earlier run left.

    Raises:
        InputError: the folder holds something else.
    """
    if not folder.exists():
        return
    if not (folder / LIST_FILE).is_file():
        raise InputError("is not empty, and no demonstration's", where=str(folder))
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
    shutil.rmtree(folder)


def _show_class(out: Console, folder: Path, students: list[SampleStudent]) -> None:
    listing = table("student", "handed in", "what is known of it")
    for student in students:
        item = student.specimen
        known = "right" if item.kind == "correct" else f"{item.kind}: {item.concept}"
        listing.add_row(student.name, item.path.stem, known)
    released = folder / "release" / LAB / f"{LAB}.ipynb"
    out.print(f"released: {_near(released)}", soft_wrap=True)
    out.print(listing)


def _grade(folder: Path, *, shown: bool) -> ClassResult:
    where = ClassFolder(folder, LAB)
    with grading_bar("grading", len(where.students()), shown=shown) as step:
        result = grade_class(where, sandbox=_sandbox(), on_done=step)
    write_feedback(folder, LAB)
    return result


def _sandbox() -> Sandbox:
    """All walls where they can be had; the class's answers are our own."""
    try:
        workers(tuple(lab_facts(LAB)["roles"]), "auto")
    except InputError:
        return "none"
    return "auto"


def _show_grades(out: Console, rows: list[GradeRow]) -> None:
    out.print(report_table(rows))
    for line in statistics_lines(statistics_of(rows)):
        out.print(line)
    out.print("ten points of each student wait for a person, who reads the rationale")


def _failing_case(folder: Path, rows: list[GradeRow]) -> tuple[str, dict[str, Any]] | None:
    """A student who lost points at a visible check, and the report that is shortest to read."""
    cases = [
        (row.student, check)
        for row in rows
        for check in (read_report(folder, LAB, row.student) or {"checks": []})["checks"]
        if check["status"] == "failed" and check["visible"] and check["counterexample"]
        if len(check["counterexample"]["operations"]) > 1
    ]
    return min(cases, key=lambda case: len(feedback.as_text(case[1])), default=None)


def _show_case(out: Console, folder: Path, check: dict[str, Any]) -> None:
    """Print a failing check as its student reads it; its replay goes to a file."""
    path = folder / "case.json"
    path.write_text(json.dumps(check["counterexample"]["replay"]) + "\n", encoding="utf-8")
    out.print(Panel(Text(feedback.as_text(check, _near(path))), border_style="dim"))


def _near(path: Path) -> str:
    """``path`` as it can be typed here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _show_places(out: Console, folder: Path, student: str) -> None:
    page = feedback_page(folder, LAB, student)
    lines = (
        ("feedback", _near(page)),
        ("", f"and one page for each student below {_near(folder / 'feedback')}"),
        ("gradebook", _near(folder / "gradebook.db")),
        ("formgrader", f"cd {_near(folder)} && jupyter lab, then Nbgrader, Formgrader"),
        ("grade again", f"nbgrader autograde {LAB} --force, in {_near(folder)}"),
        ("the lab itself", f"ksim lab {LAB}"),
    )
    for name, line in lines:
        out.print(f"{name:>15}  {line}", soft_wrap=True, markup=False)
