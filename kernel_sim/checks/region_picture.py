"""Expected and got beside each other, stretch by stretch, in plain text."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from kernel_sim.checks.coverage import Answer, Stretch
from kernel_sim.checks.firmware_map import FirmwareMap
from kernel_sim.checks.region_rules import KIND_WORDS, Difference, answer_words, differences
from kernel_sim.values import MemoryRegion, RegionKind

ROWS: Final = 12
_TYPE_WORDS: Final = {
    1: "available",
    2: "reserved",
    3: "ACPI tables",
    4: "ACPI NVS",
    5: "bad memory",
    7: "persistent",
    12: "persistent",
}


def entries_picture(given: FirmwareMap) -> str:
    """What the firmware wrote, one row a line."""
    lines = [f"the firmware's table, {given.entry_size} bytes an entry:"]
    for row in given.rows[:ROWS]:
        word = _TYPE_WORDS.get(row.type, "not known")
        line = f"  {row.base:#018x} + {row.length:#x}, type {row.type:#x} ({word})"
        if given.entry_size >= 24 and row.attributes != 1:
            off = "" if row.attributes & 1 else ": to be ignored"
            line += f", attributes {row.attributes:#x}{off}"
        if row.count > 1:
            line += f", and {row.count - 1} more, each {row.step:#x} further"
        lines.append(line)
    if len(given.rows) > ROWS:
        lines.append(f"  and {len(given.rows) - ROWS} more")
    return "\n".join(lines)


def table_picture(expected: Sequence[Stretch], regions: Sequence[MemoryRegion]) -> str:
    """The address space as it should be and as the table has it; ``!`` marks what is wrong."""
    if not _well_formed(regions):
        listed = [f"  {r.base:#018x} + {r.length:#x} {KIND_WORDS[r.kind]}" for r in regions[:ROWS]]
        more = [f"  and {len(regions) - ROWS} more"] if len(regions) > ROWS else []
        return "\n".join(["the table that came back, in its order:", *listed, *more])
    rows = _interesting(_joined(differences(expected, regions)))
    if not rows:
        return "the table that came back is right"
    wanted = [_expected_words(row) for row in rows]
    width = max(len("expected"), *map(len, wanted))
    lines = [f"  {'from':<18} {'to':<18}  {'expected':<{width}}  got"]
    for row, words in zip(rows, wanted, strict=True):
        mark = " " if row.right else "!"
        span = f"{row.start:#018x} {row.end:#018x}"
        lines.append(f"{mark} {span}  {words:<{width}}  {_word(row.got)}")
    return "\n".join(lines)


def _well_formed(regions: Sequence[MemoryRegion]) -> bool:
    in_order = all(a.end <= b.base for a, b in pairwise(regions))
    return in_order and all(r.length and r.end <= 1 << 64 for r in regions)


def _expected_words(row: Difference) -> str:
    return answer_words(row.answers) if row.described else "-"


def _word(answer: Answer) -> str:
    return KIND_WORDS[answer] if isinstance(answer, RegionKind) else "-"


def _joined(rows: Sequence[Difference]) -> list[Difference]:
    """Neighbours that say the same made one."""
    made: list[Difference] = []
    for row in rows:
        last = made[-1] if made else None
        if last and (last.answers, last.got, last.described) == (
            row.answers,
            row.got,
            row.described,
        ):
            made[-1] = Difference(last.start, row.end, row.answers, row.got, row.described)
        else:
            made.append(row)
    return made


def _interesting(rows: list[Difference]) -> list[Difference]:
    """What is described or wrong; of a long list, what lies around the first wrong one."""
    shown = [row for row in rows if row.described or not row.right]
    if len(shown) <= ROWS:
        return shown
    first = next((i for i, row in enumerate(shown) if not row.right), 0)
    start = max(0, min(first - ROWS // 2, len(shown) - ROWS))
    return shown[start : start + ROWS]
