"""The course: its labs, their checks and their points, as ``course.yml`` says. Its only reader."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, cast, get_args

from kernel_sim.errors import InputError
from kernel_sim.hookspecs import ROLE_HOOKS
from kernel_sim.machine import machine_names
from kernel_sim.nearest import did_you_mean
from kernel_sim.profiles import profile_names
from kernel_sim_grader.yaml_field import YamlField, load_yaml

COURSE_FILE: Final = "course.yml"
AUTOMATIC_POINTS: Final = 90
"""What the checks of one lab are worth together."""
RATIONALE_POINTS: Final = 10
"""What the part of a lab is worth that a person reads (KV-42)."""

HiddenFeedback = Literal["nothing", "rule", "counterexample"]
"""What a failed hidden check tells the student."""

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
_REQUIREMENT: Final = re.compile(r"[A-Z]{2}-[1-9][0-9]*")
REQUIREMENTS: Final = {"KV": 47, "BD": 31, "BO": 17, "TH": 27, "MS": 32}
"""Seed document → how many requirements it has."""
_LONGEST_HOURS: Final = 100


@dataclass(frozen=True, slots=True)
class CourseCheck:
    """One check: its ``id`` is the grade_id of its cell, ``requirements`` are ids such as KV-4."""

    id: str
    points: int
    visible: bool
    requirements: tuple[str, ...]
    line: int

    def as_json(self) -> dict[str, object]:
        """The check as plain data."""
        return {
            "id": self.id,
            "points": self.points,
            "visible": self.visible,
            "requirements": list(self.requirements),
        }


@dataclass(frozen=True, slots=True)
class CourseLab:
    """One lab: an nbgrader assignment of one notebook, which fills ``roles`` of ``profile``."""

    name: str
    title: str
    folder: Path
    roles: tuple[str, ...]
    hours: tuple[int, int]
    profile: str
    machines: tuple[str, ...]
    hidden_feedback: HiddenFeedback
    rationale: int
    checks: tuple[CourseCheck, ...]

    @property
    def text_file(self) -> Path:
        """The lab's text, solutions included."""
        return self.folder / "lab.md"

    def check(self, check_id: str) -> CourseCheck | None:
        """The check called ``check_id``, or None."""
        return next((check for check in self.checks if check.id == check_id), None)

    def as_json(self) -> dict[str, object]:
        """What the students' package may know of the lab, as plain data."""
        return {
            "title": self.title,
            "roles": list(self.roles),
            "hours": list(self.hours),
            "profile": self.profile,
            "machines": list(self.machines),
            "hidden_feedback": self.hidden_feedback,
            "rationale": self.rationale,
            "checks": [check.as_json() for check in self.checks],
        }


@dataclass(frozen=True, slots=True)
class Course:
    """The whole course; ``id`` is nbgrader's course_id."""

    id: str
    name: str
    file: Path
    labs: dict[str, CourseLab]

    def lab(self, name: str) -> CourseLab:
        """The lab called ``name``.

        Raises:
            InputError: there is none.
        """
        if name not in self.labs:
            hint = did_you_mean(name, self.labs)
            raise InputError(f"there is no lab {name!r}{hint}", where=str(self.file))
        return self.labs[name]

    def as_json(self) -> dict[str, object]:
        """The content of ``kernel_sim/data/course.json``."""
        labs = {name: lab.as_json() for name, lab in self.labs.items()}
        return {"id": self.id, "name": self.name, "labs": labs}


def find_course(start: Path) -> Path:
    """The ``course.yml`` of ``start`` or of the nearest folder above it; else the packaged one.

    Raises:
        InputError: there is none at all.
    """
    packaged = Path(__file__).with_name("course_data")
    for folder in (start.resolve(), *start.resolve().parents, packaged):
        if (folder / COURSE_FILE).is_file():
            return folder / COURSE_FILE
    raise InputError(f"no {COURSE_FILE} here or in a folder above", where=str(start))


def read_course(file: Path) -> Course:
    """The course that ``file`` describes, checked.

    Raises:
        InputError: naming file, line and field.
    """
    fields = load_yaml(file).record(("id", "name", "labs"))
    labs = fields["labs"].mapping("one entry for each lab, such as lab1")
    if not labs:
        raise fields["labs"].error("there are no labs")
    return Course(
        id=_name(fields["id"]),
        name=fields["name"].text(),
        file=file,
        labs={name: _lab(name, field) for name, field in labs.items()},
    )


def _lab(name: str, field: YamlField) -> CourseLab:
    if not _NAME.fullmatch(name):
        raise field.error(f"{name!r} can't name a lab", "lower-case letters, digits and hyphens")
    fields = field.record(
        (
            "title",
            "folder",
            "roles",
            "hours",
            "profile",
            "machines",
            "hidden_feedback",
            "rationale",
            "checks",
        )
    )
    feedback = fields["hidden_feedback"].choice("kind of feedback", get_args(HiddenFeedback))
    return CourseLab(
        name=name,
        title=fields["title"].text(),
        folder=_folder(fields["folder"]),
        roles=_choices(fields["roles"], "role", list(ROLE_HOOKS)),
        hours=_hours(fields["hours"]),
        profile=fields["profile"].choice("profile", profile_names()),
        machines=_choices(fields["machines"], "machine", machine_names()),
        hidden_feedback=cast("HiddenFeedback", feedback),
        rationale=_rationale(fields["rationale"]),
        checks=_checks(fields["checks"]),
    )


def _name(field: YamlField) -> str:
    value = field.text()
    if not _NAME.fullmatch(value):
        raise field.error(f"{value!r} can't be a name", "lower-case letters, digits and hyphens")
    return value


def _folder(field: YamlField) -> Path:
    folder = field.file.parent / field.text()
    if not (folder / "lab.md").is_file():
        raise field.error(f"the folder {field.text()} has no lab.md")
    return folder


def _hours(field: YamlField) -> tuple[int, int]:
    hours = [item.integer(1, _LONGEST_HOURS) for item in field.items()]
    if len(hours) != len(("least", "most")) or hours[0] > hours[1]:
        raise field.error("these are not two hours", "the least and the most, such as [4, 6]")
    return hours[0], hours[1]


def _rationale(field: YamlField) -> int:
    points = field.integer(0, 100)
    if points != RATIONALE_POINTS:
        raise field.error(f"the rationale is worth {points} points", f"{RATIONALE_POINTS}")
    return points


def _choices(field: YamlField, what: str, names: list[str]) -> tuple[str, ...]:
    return tuple(item.choice(what, names) for item in _distinct(field))


def _distinct(field: YamlField) -> Iterator[YamlField]:
    """The items of a list of texts, refusing one that was there before."""
    seen: set[str] = set()
    for item in field.items():
        if item.text() in seen:
            raise item.error(f"{item.text()!r} is listed twice")
        seen.add(item.text())
        yield item


def _checks(field: YamlField) -> tuple[CourseCheck, ...]:
    checks: dict[str, CourseCheck] = {}
    for item in field.items():
        check = _check(item)
        if check.id in checks:
            first = checks[check.id].line
            raise item.error(f"the id {check.id!r} is taken by the check on line {first}")
        checks[check.id] = check
    total = sum(check.points for check in checks.values())
    if total != AUTOMATIC_POINTS:
        raise field.error(f"the points add up to {total}", f"{AUTOMATIC_POINTS}")
    return tuple(checks.values())


def _check(field: YamlField) -> CourseCheck:
    fields = field.record(("id", "points", "visible", "requirements"))
    return CourseCheck(
        id=_name(fields["id"]),
        points=fields["points"].integer(1, AUTOMATIC_POINTS),
        visible=fields["visible"].truth(),
        requirements=tuple(_requirement(item) for item in _distinct(fields["requirements"])),
        line=field.line,
    )


def _requirement(field: YamlField) -> str:
    value = field.text()
    if not _REQUIREMENT.fullmatch(value):
        raise field.error(f"{value!r} is no requirement's id", "an id such as KV-4")
    seed, _, number = value.partition("-")
    if int(number) > REQUIREMENTS.get(seed, 0):
        known = ", ".join(f"{name}-1 to {name}-{count}" for name, count in REQUIREMENTS.items())
        raise field.error(f"there is no requirement {value}", known)
    return value
