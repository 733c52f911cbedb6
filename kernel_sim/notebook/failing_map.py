"""A failing memory map drawn: the firmware's entries, what was expected, and what came back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from kernel_sim.checks.firmware_map import FirmwareMap
from kernel_sim.notebook.maps import entries_of
from kernel_sim.values import RegionKind
from kernel_sim.views.palette import LOOKS, Look
from kernel_sim.views.region_map import Column, band, firmware_column
from kernel_sim.views.region_map_svg import map_svg

DRAWN_ENTRIES: Final = 24
"""A map of more entries is only told in words: the picture would be longer than the screen."""


def failing_map_svg(counterexample: Mapping[str, Any]) -> str:
    """The SVG of a counterexample that is a memory map; empty for any other, or for a long one."""
    boots = [step["boot"] for step in counterexample.get("operations") or [] if "boot" in step]
    expected, got = counterexample.get("expected"), counterexample.get("got")
    if not boots or not isinstance(expected, list) or not isinstance(got, list):
        return ""
    entries = entries_of(FirmwareMap.from_json(boots[-1]).spec())
    if len(entries) > DRAWN_ENTRIES or len(got) > DRAWN_ENTRIES:
        return ""
    columns = [
        firmware_column(entries),
        rows_column("expected", expected),
        rows_column("your table", got),
    ]
    return map_svg(columns, "The failing memory map")


def rows_column(name: str, rows: Sequence[Mapping[str, Any]]) -> Column:
    """Rows with ``base``, ``length`` and ``kind``, or ``kinds`` where several are right."""
    bands = (band(row["base"], row["length"], look_of_row(row)) for row in rows)
    return Column(name, tuple(b for b in bands if b.end > b.start))


def look_of_row(row: Mapping[str, Any]) -> Look:
    """The look of the row's kind; of several the least restrictive, with all their words."""
    names = row["kinds"] if "kinds" in row else [row["kind"]]
    kinds = sorted(RegionKind[name] for name in names if name)
    word = " or ".join(LOOKS[kind].word for kind in kinds)
    return replace(LOOKS[kinds[0]], word=word)
