"""Which checks there are for a lab, and what they are worth."""

import importlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import entry_points
from importlib.resources import files
from typing import Any, Final

from kernel_sim.checks.check import Check, Result
from kernel_sim.checks.subject import Subject
from kernel_sim.errors import InputError
from kernel_sim.nearest import unknown_name

Gate = Callable[[Subject], Callable[[Check], Result] | None]
GROUP: Final = "kernel_sim.checks"
"""Entry points of this group add hidden checks: the lab's name → a module with ``CHECKS``."""
_VISIBLE: Final = {
    "lab1": "kernel_sim.checks.lab1",
    "lab2": "kernel_sim.checks.lab2",
    "lab3": "kernel_sim.checks.lab3",
    "lab4": "kernel_sim.checks.lab4",
    "lab5": "kernel_sim.checks.lab5",
}


def lab_names() -> list[str]:
    """The labs that have checks."""
    return list(_VISIBLE)


def checks_for(lab: str, *, hidden: bool = True) -> tuple[Check, ...]:
    """The lab's checks in the course's order, with the hidden ones that are installed.

    Args:
        lab: ``'lab1'`` to ``'lab5'``.
        hidden: whether hidden checks are wanted.

    Raises:
        InputError: there is no such lab.
    """
    if lab not in _VISIBLE:
        raise unknown_name("lab", lab, lab_names())
    found = list(_checks_in(_VISIBLE[lab]))
    if hidden:
        for module in _hidden_modules(lab):
            found += _checks_in(module)
    order = {check: place for place, check in enumerate(points_of(lab))}
    return tuple(sorted(found, key=lambda check: order.get(check.id, len(order))))


def gate_of(lab: str) -> Gate:
    """What is asked of a plugin before a lab's checks: None, or what each check then says."""
    gate: Gate = importlib.import_module(_VISIBLE[lab]).GATE
    return gate


@cache
def _hidden_modules(lab: str) -> tuple[str, ...]:
    """The modules of hidden checks that are installed; looked up once, since that takes 5 ms."""
    return tuple(point.module for point in entry_points(group=GROUP, name=lab))


def _checks_in(module: str) -> tuple[Check, ...]:
    checks: tuple[Check, ...] = importlib.import_module(module).CHECKS
    return checks


def lab_roles(lab: str) -> tuple[str, ...]:
    """The roles that a lab's plugin fills.

    Raises:
        InputError: there is no such lab.
    """
    return tuple(_course_lab(lab)["roles"])


def points_of(lab: str) -> Mapping[str, float]:
    """Check → its points, visible or hidden, as the course sets them.

    Raises:
        InputError: there is no such lab.
    """
    return {item["id"]: item["points"] for item in _course_lab(lab)["checks"]}


def _course_lab(lab: str) -> Mapping[str, Any]:
    labs = _course()["labs"]
    if lab not in labs:
        raise unknown_name("lab", lab, labs)
    found: Mapping[str, Any] = labs[lab]
    return found


@cache
def _course() -> Mapping[str, Any]:
    """The course as the students' package knows it."""
    text = (files("kernel_sim") / "data" / "course.json").read_text(encoding="utf-8")
    course: Mapping[str, Any] = json.loads(text)
    if not isinstance(course.get("labs"), dict):
        raise InputError("the packaged course has no labs", where="course.json")
    return course
