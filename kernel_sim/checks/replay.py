"""Running a counterexample again: a document of plain data, and the same in one line.

A document holds what was done, never what came of it: the verdict is made anew::

    {"format": 1, "lab": "lab1", "check": "order-overlap", "role": "memmap", "seed": 0,
     "steps": [{"boot": {"entries": [{"base": 0, "length": 4096, "type": 1}], "entry_size": 24}},
               {"call": "parse_memory_map"}]}

The line has one step after the other, separated by semicolons; a map is booted and parsed::

    24 0x100000+0x100000:1 0x200000+0x1000:2; describe 0x100000+0x1000:2
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kernel_sim.checks.coverage import kinds_of_type
from kernel_sim.checks.firmware_map import FirmwareMap
from kernel_sim.checks.region_case import BEFORE_MEMMAP
from kernel_sim.errors import InputError
from kernel_sim.values import MemoryRegion

FORMAT: Final = 1
ROLES: Final = {"lab1": "memmap"}
"""Lab → the role that a replay of it needs."""
_MAX_FILE_BYTES: Final = 4 << 20
Step = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Replay:
    """Steps to run again, and for which plugin."""

    steps: tuple[Step, ...]
    lab: str = "lab1"
    check: str = ""
    seed: int = 0

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
            "seed": self.seed,
            "steps": [dict(step) for step in self.steps],
        }

    def __str__(self) -> str:
        parts: list[str] = []
        for step in self.steps:
            if "boot" in step or step["call"] == "describe_region":
                parts.append(_step_text(step))
            elif "count" in step and parts:
                parts[-1] = f"count {step['count']} {parts[-1]}"
        return "; ".join(parts)


def boot_step(given: FirmwareMap, until: str = BEFORE_MEMMAP) -> Step:
    """Boot a machine with this map."""
    step: dict[str, Any] = {"boot": given.as_json()}
    if until != BEFORE_MEMMAP:
        step["until"] = until
    return step


def parse_step(count: int | None = None) -> Step:
    """Let the plugin parse the table; ``count`` overrides boot_info's."""
    return (
        {"call": "parse_memory_map"}
        if count is None
        else {
            "call": "parse_memory_map",
            "count": count,
        }
    )


def describe_step(region: MemoryRegion) -> Step:
    """Let the plugin describe one region, whose type tells the kind."""
    return {
        "call": "describe_region",
        "region": {"base": region.base, "length": region.length, "type": region.type},
    }


def read_file(path: Path) -> object:
    """The JSON document in a file.

    Raises:
        InputError: the file can't be read, is too large, or holds no JSON.
    """
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise InputError("too large for a replay", where=str(path), expected="below 4 MiB")
        document: object = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(error.strerror or str(error), where=str(path)) from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"not JSON: {error}", where=str(path)) from error
    return document


def load_replay(path: Path) -> Replay:
    """The replay in a file.

    Raises:
        InputError: the file can't be read or holds no replay.
    """
    return read_replay(read_file(path), where=str(path))


def read_replay(document: object, where: str = "replay") -> Replay:
    """The replay that a document or a whole counterexample holds; a text is read as a line.

    Raises:
        InputError: names the step that is wrong.
    """
    if isinstance(document, str):
        return parse_line(document)
    if isinstance(document, Mapping):
        for key in ("counterexample", "replay"):
            if isinstance(document.get(key), Mapping):
                return read_replay(document[key], where)
    if not isinstance(document, Mapping) or document.get("format") != FORMAT:
        raise InputError("no replay", where=where, expected=f"an object with format {FORMAT}")
    lab, steps = document.get("lab"), document.get("steps")
    if lab not in ROLES:
        raise InputError(f"no replay of {lab!r}", where=f"{where}: lab", expected=", ".join(ROLES))
    if not isinstance(steps, list) or not steps:
        raise InputError("no steps", where=f"{where}: steps", expected="a list, not empty")
    seed = document.get("seed", 0)
    if not isinstance(seed, int):
        raise InputError(f"seed {seed!r}", where=where, expected="a whole number")
    checked = tuple(_checked(step, f"{where}: steps[{i}]") for i, step in enumerate(steps))
    return Replay(checked, str(lab), str(document.get("check", "")), seed)


def parse_line(line: str) -> Replay:
    """The replay in one line.

    Raises:
        InputError: names the word that is wrong.
    """
    steps: list[Step] = []
    for part in filter(None, map(str.strip, line.split(";"))):
        verb, _, rest = part.partition(" ")
        if verb == "describe":
            steps.append(describe_step(_region_of(FirmwareMap.parse(f"24 {rest}"))))
        elif verb == "screen":
            steps.append(boot_step(FirmwareMap.parse(rest), "memmap"))
        elif verb == "count":
            number, _, text = rest.partition(" ")
            if not number.isdecimal():
                raise InputError(f"count {number!r}", where="replay", expected="a number")
            steps += [boot_step(FirmwareMap.parse(text)), parse_step(int(number))]
        else:
            steps += [boot_step(FirmwareMap.parse(part)), parse_step()]
    if not steps:
        raise InputError("an empty line", where="replay", expected="a map, as 24 0x0+0x1000:1")
    return Replay(tuple(steps))


def region_from_json(data: Mapping[str, int]) -> MemoryRegion:
    """A region whose kind is the one that its type means."""
    kind = min(kinds_of_type(data["type"]))
    return MemoryRegion(data["base"], data["length"], kind, data["type"])


def _step_text(step: Step) -> str:
    if "boot" in step:
        text = str(FirmwareMap.from_json(step["boot"]))
        return text if step.get("until", BEFORE_MEMMAP) == BEFORE_MEMMAP else f"screen {text}"
    region = region_from_json(step["region"])
    return f"describe {region.base:#x}+{region.length:#x}:{region.type}"


def _region_of(given: FirmwareMap) -> MemoryRegion:
    row = given.rows[0]
    return region_from_json({"base": row.base, "length": row.length, "type": row.type})


def _checked(step: object, where: str) -> Step:
    """A step of a document, its parts looked at.

    Raises:
        InputError: it is no step.
    """
    if isinstance(step, Mapping) and "boot" in step:
        FirmwareMap.from_json(step["boot"], f"{where}.boot").spec()
        if step.get("until", BEFORE_MEMMAP) not in (BEFORE_MEMMAP, "memmap"):
            raise InputError(f"until {step['until']!r}", where=where, expected="memmap")
        return step
    if isinstance(step, Mapping) and step.get("call") == "parse_memory_map":
        if not isinstance(step.get("count", 0), int) or step.get("count", 0) < 0:
            raise InputError(f"count {step['count']!r}", where=where, expected="a number")
        return step
    if isinstance(step, Mapping) and step.get("call") == "describe_region":
        FirmwareMap.from_json({"entries": [step.get("region")]}, f"{where}.region")
        return step
    raise InputError("no step", where=where, expected="'boot', or 'call' with a hook's name")
