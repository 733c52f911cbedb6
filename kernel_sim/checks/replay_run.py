"""Running a replay: each step done again on a bench, and judged anew."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kernel_sim.checks.bench import Bench, Outcome, Run, Scenario
from kernel_sim.checks.firmware_map import FirmwareMap
from kernel_sim.checks.hook_failure import sentence, violation_of
from kernel_sim.checks.log_check import VISIBLE_ROWS
from kernel_sim.checks.log_rules import broken_line, broken_screen
from kernel_sim.checks.region_case import BEFORE_MEMMAP, observe
from kernel_sim.checks.region_picture import entries_picture, table_picture
from kernel_sim.checks.replay import Replay, Step, region_from_json
from kernel_sim.machine import machine_spec


@dataclass(frozen=True, slots=True)
class ReplayedStep:
    """What one step did, a picture, and whether it was right; ``ok`` None: nothing to judge."""

    operation: str
    result: str
    picture: str = ""
    ok: bool | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "operation": self.operation,
            "result": self.result,
            "picture": self.picture,
            "ok": self.ok,
        }


def run_replay(replay: Replay, bench: Bench) -> list[ReplayedStep]:
    """Do all steps, one after another, on one bench."""
    runner = _Runner(replay, bench)
    return [runner.take(step) for step in replay.steps]


def verdict_of(steps: Sequence[ReplayedStep]) -> str:
    """``'passed'`` if every step that can be judged was right."""
    return "failed" if any(step.ok is False for step in steps) else "passed"


class _Runner:
    """Remembers the map that was booted last."""

    def __init__(self, replay: Replay, bench: Bench) -> None:
        self._replay = replay
        self._bench = bench
        self._map = FirmwareMap.of(machine_spec("pc128"))

    def take(self, step: Step) -> ReplayedStep:
        if "boot" in step:
            return self._boot(step)
        if step["call"] == "describe_region":
            return self._describe(step)
        return self._parse(step)

    def _boot(self, step: Step) -> ReplayedStep:
        self._map = FirmwareMap.from_json(step["boot"])
        operation = f"boot with {len(self._map.entries())} entries"
        until = step.get("until", BEFORE_MEMMAP)
        if until == BEFORE_MEMMAP:
            return ReplayedStep(operation, "ready", entries_picture(self._map))
        run = self._bench.boot(Scenario(self._map.spec(), until=until, seed=self._replay.seed))
        failed = _failed(operation, run.booted)
        if failed:
            return failed
        return self._screen(operation, run)

    def _screen(self, operation: str, run: Run) -> ReplayedStep:
        picture = "\n".join(row.rstrip() for row in run.screen() if row.strip())
        violation = broken_screen(run.screen(), run.regions[-VISIBLE_ROWS:])
        if violation is None and run.regions:
            return ReplayedStep(operation, "every region is on the screen", picture, ok=True)
        result = violation.problem if violation else "the table is empty"
        return ReplayedStep(operation, result, picture, ok=False)

    def _parse(self, step: Step) -> ReplayedStep:
        count = step.get("count")
        seen = observe(self._bench, self._map, seed=self._replay.seed, count=count)
        operation = "parse_memory_map" if count is None else f"parse_memory_map, count {count}"
        if seen.failure is not None:
            return ReplayedStep(operation, sentence(seen.failure), ok=False)
        if count == 0:
            ok = not any(region.kind == 0 for region in seen.regions)
            return ReplayedStep(operation, f"{len(seen.regions)} regions", ok=ok)
        violation = seen.violation()
        picture = table_picture(seen.expected(), seen.regions)
        if violation is None:
            return ReplayedStep(operation, f"{len(seen.regions)} regions", picture, ok=True)
        result = f"{violation.problem} ({violation.requirement})"
        return ReplayedStep(operation, result, picture, ok=False)

    def _describe(self, step: Step) -> ReplayedStep:
        region = region_from_json(step["region"])
        operation = f"describe_region({region.base:#x} + {region.length:#x}, type {region.type})"
        run = self._bench.boot(Scenario(self._map.spec(), until=BEFORE_MEMMAP))
        outcome = run.call("describe_region", region)
        failed = _failed(operation, outcome)
        if failed:
            return failed
        line = str(outcome.value)
        violation = broken_line(line, region)
        if violation is None:
            return ReplayedStep(operation, line, ok=True)
        return ReplayedStep(
            operation, line, f"{violation.problem} ({violation.requirement})", ok=False
        )


def _failed(operation: str, outcome: Outcome) -> ReplayedStep | None:
    if outcome.failure is None:
        return None
    return ReplayedStep(operation, violation_of(outcome.failure).problem, ok=False)
