"""A failing sequence as a document and as a line, and both as a sequence again.

::

    {"format": 1, "lab": "lab2", "check": "exhaustion", "role": "pmm",
     "steps": [{"boot": "boot('pc4')"}, {"call": "pmm_alloc_frame() * 3"},
               {"call": "pmm_free_frame(r1[2])"}]}
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from kernel_sim.checks.operations import Case
from kernel_sim.checks.operations_text import (
    call_text,
    line_of,
    parse_call,
    parse_cases,
    parse_place,
    place_text,
)
from kernel_sim.errors import InputError

FORMAT: Final = 1
ROLES: Final = {"lab2": "pmm", "lab3": "paging", "lab4": "heap", "lab5": "guard"}
"""Lab → the role that a replay of it needs."""


@dataclass(frozen=True, slots=True)
class OperationReplay:
    """Cases to run again one after another in one process, and for which lab."""

    lab: str
    cases: tuple[Case, ...]
    check: str = ""

    @property
    def role(self) -> str:
        """The role that the plugin has to fill."""
        return ROLES[self.lab]

    def as_json(self) -> dict[str, Any]:
        """The document."""
        return {
            "format": FORMAT,
            "lab": self.lab,
            "check": self.check,
            "role": self.role,
            "steps": list(self._steps()),
        }

    def _steps(self) -> Iterator[dict[str, str]]:
        for case in self.cases:
            yield {"boot": place_text(case.place)}
            for call in case.calls:
                yield {"call": call_text(call)}

    def __str__(self) -> str:
        return line_of(self.lab, self.cases)


def is_operations(document: object) -> bool:
    """Whether a document or a line is a replay of this kind."""
    if isinstance(document, str):
        return document.split(":", 1)[0].strip() in ROLES
    return isinstance(document, Mapping) and document.get("lab") in ROLES


def read_operations(document: str | Mapping[str, Any], where: str = "replay") -> OperationReplay:
    """The replay in a line or in a document.

    Raises:
        InputError: names what can't be read.
    """
    if isinstance(document, str):
        lab, cases = parse_cases(document)
        return OperationReplay(lab, tuple(cases))
    steps = document.get("steps")
    if document.get("format") != FORMAT or not isinstance(steps, list):
        raise InputError("no replay", where=where, expected=f"format {FORMAT} and a list of steps")
    found: list[Case] = []
    for number, step in enumerate(steps):
        _add(found, step, f"{where}: steps[{number}]")
    if not found:
        raise InputError("no steps", where=where, expected="a boot and calls")
    return OperationReplay(str(document["lab"]), tuple(found), str(document.get("check", "")))


def _add(cases: list[Case], step: object, where: str) -> None:
    """Take one step of a document."""
    boot = step.get("boot") if isinstance(step, Mapping) else None
    call = step.get("call") if isinstance(step, Mapping) else None
    if isinstance(boot, str):
        cases.append(Case(parse_place(boot)))
    elif isinstance(call, str) and cases:
        last = cases[-1]
        cases[-1] = replace(last, calls=(*last.calls, parse_call(call, len(last.calls))))
    else:
        raise InputError("no step", where=where, expected="first a boot, then calls, as text")
