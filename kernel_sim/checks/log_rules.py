"""The rules of the boot log: base and length in hexadecimal, and the type as a word (KV-5).

The content is judged, not the format: prefixes, padding, capitals and digit groups are free.
"""

import re
from collections.abc import Sequence
from typing import Final

from kernel_sim.checks.region_rules import Violation
from kernel_sim.values import MemoryRegion, RegionKind

REQUIREMENT: Final = "KV-5"
_NUMBER: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:0[xX])?([0-9A-Fa-f][0-9A-Fa-f_'`]*)(?![0-9A-Za-z])"
)
_LABELLED: Final = re.compile(
    r"(?i)\b(base|start|length|len|size)\b\W{0,4}(?:0x)?([0-9a-f][0-9a-f_'`]*)"
)
_WORDS: Final[dict[RegionKind, re.Pattern[str]]] = {
    RegionKind.AVAILABLE: re.compile(
        r"(?i)(?<![a-z])(?<!not )(?<!non-)(?<!un-)(available|usable|free|ram|conventional)(?![a-z])"
    ),
    RegionKind.ACPI_RECLAIMABLE: re.compile(r"(?i)acpi|reclaim"),
    RegionKind.ACPI_NVS: re.compile(r"(?i)acpi|nvs"),
    RegionKind.PERSISTENT: re.compile(r"(?i)persistent|pmem|nvdimm|non-?volatile"),
    RegionKind.RESERVED: re.compile(r"(?i)reserved"),
    RegionKind.UNUSABLE: re.compile(r"(?i)unusable|\bbad\b|defect|not usable|faulty"),
}
_CLASS_NAMES: Final = {
    RegionKind.AVAILABLE: "Available",
    RegionKind.ACPI_RECLAIMABLE: "ACPI",
    RegionKind.ACPI_NVS: "ACPI",
    RegionKind.PERSISTENT: "Persistent",
    RegionKind.RESERVED: "Reserved",
    RegionKind.UNUSABLE: "Unusable",
}
_CONTRADICTIONS: Final = {
    RegionKind.ACPI_RECLAIMABLE: re.compile(r"(?i)(?<![a-z])nvs"),
    RegionKind.ACPI_NVS: re.compile(r"(?i)reclaim"),
}


def broken_line(line: str, region: MemoryRegion) -> Violation | None:
    """The first rule that ``line``, which describes ``region``, breaks; None if it is good."""
    if "\n" in line.strip("\n"):
        return _broken("line", "the description has more than one line", "log-line")
    return (
        _broken_number(line, region) or _broken_labels(line, region) or _broken_word(line, region)
    )


def _broken_number(line: str, region: MemoryRegion) -> Violation | None:
    """Base or length is not in the line as a hexadecimal number."""
    numbers = _numbers(line)
    for name, value in (("base", region.base), ("length", region.length)):
        if value in numbers:
            numbers.remove(value)
            continue
        problem = f"the {name} {value:#x} is not in the line {line.strip()!r}"
        decimal = re.search(rf"(?<![0-9A-Fa-f])(?:0x)?0*{value}(?![0-9A-Fa-f])", line)
        if decimal:
            return _broken(name, f"{problem}: {decimal[0]} is decimal", "log-hex")
        if value >> 32 and value & 0xFFFF_FFFF in numbers:
            return _broken(name, f"{problem}: only its low 32 bits are", "log-width")
        if name == "length" and numbers:
            return _broken(name, problem, "log-length")
        return _broken(name, problem, "log-base" if name == "base" else "log-length")
    return None


def _numbers(line: str) -> list[int]:
    return [int(re.sub(r"[_'`]", "", match[1]), 16) for match in _NUMBER.finditer(line)]


def _broken_labels(line: str, region: MemoryRegion) -> Violation | None:
    """A number stands behind the other one's name."""
    right = {"base": region.base, "start": region.base}
    for match in _LABELLED.finditer(line):
        label = match[1].lower()
        value = int(re.sub(r"[_'`]", "", match[2]), 16)
        wanted = right.get(label, region.length)
        if value != wanted and value in (region.base, region.length):
            problem = f"behind {match[1]!r} stands {value:#x}, but it is {wanted:#x}"
            return _broken("labels", problem, "log-base")
    return None


def _broken_word(line: str, region: MemoryRegion) -> Violation | None:
    """The type is not said, or said wrongly."""
    kind = region.kind
    name = _CLASS_NAMES[kind]
    contradiction = _CONTRADICTIONS.get(kind)
    free = kind is not RegionKind.AVAILABLE and _WORDS[RegionKind.AVAILABLE].search(line)
    if not _WORDS[kind].search(line):
        problem = f"the line {line.strip()!r} does not say that the region is {name}"
        return _broken("type", problem, "log-type")
    if free and free[0].lower() != "ram":
        return _broken("type", f"the line {line.strip()!r} says {free[0]!r}", "log-type")
    if contradiction and contradiction.search(line):
        problem = f"the line {line.strip()!r} names the other kind of ACPI memory"
        return _broken("type", problem, "log-type")
    return None


def broken_screen(rows: Sequence[str], regions: Sequence[MemoryRegion]) -> Violation | None:
    """The first region of which the screen shows no base with its length; None if all are there.

    Args:
        rows: the screen from the top; a long line goes on in the next row.
        regions: those whose lines can't have scrolled away.
    """
    text = "".join(rows)
    numbers = [int(re.sub(r"[_'`]", "", match[1]), 16) for match in _NUMBER.finditer(text)]
    for region in regions:
        places = [i for i, number in enumerate(numbers) if number == region.base]
        if not any(region.length in numbers[max(0, i - 3) : i + 4] for i in places):
            problem = f"the region at {region.base:#x} is not on the screen after the boot"
            return _broken("screen", problem, "log-screen")
    return None


def _broken(rule: str, problem: str, concept: str) -> Violation:
    return Violation(f"log-{rule}", REQUIREMENT, problem, concept=concept)
