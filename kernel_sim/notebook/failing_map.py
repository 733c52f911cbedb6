"""A failing memory map drawn: the firmware's entries, what was expected, and what came back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from kernel_sim.checks.bench import Bench
from kernel_sim.checks.coverage import Stretch
from kernel_sim.checks.firmware_map import FirmwareMap
from kernel_sim.checks.region_case import observe
from kernel_sim.notebook.maps import entries_of
from kernel_sim.values import RegionKind
from kernel_sim.views.palette import LOOKS, Look
from kernel_sim.views.region_map import Band, Column, firmware_column, table_column
from kernel_sim.views.region_map_svg import map_svg

DRAWN_ENTRIES: Final = 24
"""A longer map is told in words alone: its picture would not fit the screen."""


def failing_map_svg(counterexample: Mapping[str, Any], bench: Bench) -> str:
    """The drawing of a case that is one boot with one map; empty for any other, or for a long one.

    Args:
        counterexample: of a failed check, as plain data.
        bench: where the case is done again, to see the table that comes back.
    """
    steps = (counterexample.get("replay") or {}).get("steps") or []
    boots = [step["boot"] for step in steps if "boot" in step]
    parses = [step for step in steps if step.get("call") == "parse_memory_map"]
    if len(boots) != 1 or len(parses) != 1 or "count" in parses[0]:
        return ""
    given = FirmwareMap.from_json(boots[0])
    seen = observe(bench, given)
    entries = entries_of(given.spec())
    if seen.failure or len(entries) > DRAWN_ENTRIES or len(seen.regions) > DRAWN_ENTRIES:
        return ""
    columns = [
        firmware_column(entries),
        expected_column(seen.expected()),
        table_column(seen.regions),
    ]
    return map_svg(columns, "The failing memory map")


def expected_column(stretches: Sequence[Stretch]) -> Column:
    """What the requirements want of the bytes that entries describe."""
    described = (s for s in stretches if s.described)
    return Column("expected", tuple(Band(s.start, s.end, look_of_stretch(s)) for s in described))


def look_of_stretch(stretch: Stretch) -> Look:
    """The look of the right kind; where several are right the least restrictive, with all words."""
    kinds = sorted(kind for kind in stretch.answers if isinstance(kind, RegionKind))
    word = " or ".join(LOOKS[kind].word for kind in kinds)
    return replace(LOOKS[kinds[0]], word=word)
