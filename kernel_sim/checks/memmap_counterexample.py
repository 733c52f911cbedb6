"""A failing firmware map as a counterexample: operations, expected, got, replay and picture."""

from collections.abc import Mapping, Sequence
from typing import Final

from kernel_sim.checks.bench import Outcome
from kernel_sim.checks.coverage import Stretch
from kernel_sim.checks.finding import Counterexample
from kernel_sim.checks.firmware_map import FirmwareMap, Row
from kernel_sim.checks.hook_failure import sentence
from kernel_sim.checks.region_case import Observation
from kernel_sim.checks.region_picture import entries_picture, table_picture
from kernel_sim.checks.region_rules import KIND_WORDS, answer_words
from kernel_sim.checks.replay import Replay, Step, boot_step, describe_step, parse_step
from kernel_sim.values import MemoryRegion, RegionKind

SHOWN: Final = 16
"""Longer tables are cut in a counterexample; a replay shows them again."""


def of_maps(
    check: str,
    observations: Sequence[Observation],
    *,
    carried: Mapping[int, RegionKind] | None = None,
    count: int | None = None,
    seed: int = 0,
) -> Counterexample:
    """The counterexample of one boot, or of several in one process of which the last went wrong.

    Args:
        check: the check's id.
        observations: the boots in order.
        carried: classes that are accepted besides the right ones.
        count: what boot_info said instead of the number of entries.
        seed: of the poison in RAM.
    """
    last = observations[-1]
    steps: list[Step] = []
    for seen in observations:
        steps += [boot_step(seen.map), parse_step(count)]
    replay = Replay(tuple(steps), check=check, seed=seed)
    expected = last.expected(carried) if count is None else []
    pictures = [entries_picture(seen.map) for seen in observations]
    if last.failure is None:
        pictures.append(table_picture(expected, last.regions))
    return Counterexample(
        operations=_operations(observations, count),
        expected=_expected_text(expected),
        got=_got_text(last),
        replay=replay.as_json(),
        line=f"replay({str(replay)!r})",
        picture="\n".join(pictures),
    )


def of_description(check: str, region: MemoryRegion, outcome: Outcome) -> Counterexample:
    """The counterexample of one call of ``describe_region``."""
    step = describe_step(region)
    replay = Replay((step,), check=check)
    word = KIND_WORDS[region.kind]
    call = f"describe_region({region.base:#x} + {region.length:#x}, {region.kind.name})"
    got = str(outcome.value) if outcome.failure is None else sentence(outcome.failure)
    return Counterexample(
        operations=(call,),
        expected=f"a line with {region.base:#018x}, {region.length:#018x} and {word!r}",
        got=got,
        replay=replay.as_json(),
        line=f"replay({str(replay)!r})",
        picture=f"{call}\n  {got}",
    )


def of_screen(check: str, given: FirmwareMap, rows: Sequence[str], problem: str) -> Counterexample:
    """The counterexample of a boot screen."""
    replay = Replay((boot_step(given, "memmap"),), check=check)
    text = "\n".join(row.rstrip() for row in rows if row.strip())
    return Counterexample(
        operations=(*(f"the firmware lists {_row_text(row)}" for row in given.rows), "boot"),
        expected="a line for each region of the table",
        got=problem,
        replay=replay.as_json(),
        line=f"replay({str(replay)!r})",
        picture=text,
    )


def _operations(observations: Sequence[Observation], count: int | None) -> tuple[str, ...]:
    call = "parse_memory_map" if count is None else f"parse_memory_map with count {count}"
    if len(observations) == 1:
        given = observations[0].map
        short = ", in entries of 20 bytes" if given.entry_size == 20 else ""
        return (*(f"the firmware lists {_row_text(row)}{short}" for row in given.rows), call)
    lines: list[str] = []
    for number, seen in enumerate(observations, start=1):
        listed = "; ".join(map(_row_text, seen.map.rows))
        lines.append(f"boot {number}: the firmware lists {listed}; {call}")
    return tuple(lines)


def _row_text(row: Row) -> str:
    text = f"{row.base:#x} + {row.length:#x}, type {row.type:#x}"
    if row.attributes != 1:
        text += f", attributes {row.attributes:#x}"
    if row.count > 1:
        text += f", {row.count} times, each {row.step:#x} further"
    return text


def _expected_text(expected: Sequence[Stretch]) -> str:
    described = [stretch for stretch in expected if stretch.described]
    lines = [f"{s.start:#x} to {s.end:#x} {answer_words(s.answers)}" for s in described[:SHOWN]]
    return "\n".join([*lines, *_more(described)]) or "no region"


def _got_text(seen: Observation) -> str:
    if seen.failure is not None:
        return sentence(seen.failure)
    lines = [f"{r.base:#x} to {r.end:#x} {KIND_WORDS[r.kind]}" for r in seen.regions[:SHOWN]]
    return "\n".join([*lines, *_more(seen.regions)]) or "no region"


def _more(items: Sequence[object]) -> list[str]:
    return [f"and {len(items) - SHOWN} more"] if len(items) > SHOWN else []
