"""Running a check of the boot log: lines for given regions, then the screen after a boot (KV-5)."""

from collections.abc import Sequence
from random import Random
from typing import Final

from kernel_sim.checks.bench import Operation, Outcome, Run, Scenario
from kernel_sim.checks.check import Result
from kernel_sim.checks.coverage import kinds_of_type
from kernel_sim.checks.finding import Finding, finding_of
from kernel_sim.checks.firmware_map import FirmwareMap
from kernel_sim.checks.hook_failure import COSTLY_KINDS, violation_of
from kernel_sim.checks.log_rules import REQUIREMENT, broken_line, broken_screen
from kernel_sim.checks.map_shrink import smallest_map
from kernel_sim.checks.memmap_counterexample import of_description, of_screen
from kernel_sim.checks.region_case import BEFORE_MEMMAP
from kernel_sim.checks.region_rules import Violation
from kernel_sim.checks.subject import Subject
from kernel_sim.values import MemoryRegion

VISIBLE_ROWS: Final = 14
"""So many of the last regions are still on the screen, long lines included."""
_PLACE: Final = FirmwareMap.parse("24 0x0+0x9f000:1 0x100000+0x700000:1")


def region_of_type(base: int, length: int, number: int) -> MemoryRegion:
    """A region of the kind that its type means."""
    return MemoryRegion(base, length, min(kinds_of_type(number)), number)


def regions_to_describe(rng: Random, count: int) -> list[MemoryRegion]:
    """Regions of types 1 to 5, below and above 4 GiB, whose numbers look different in decimal."""
    made = [
        region_of_type(0x10_0000, 0x7EE_0000, 1),
        region_of_type(0x1_2345_6000, 0x2_0000_1000, 1),
    ]
    while len(made) < count:
        base = rng.randrange(0x10, 1 << rng.choice((16, 20, 28, 36))) << 12
        length = rng.randrange(0x10, 1 << rng.choice((8, 16, 24))) << 12 | rng.choice((0, 0x400))
        made.append(region_of_type(base, length, len(made) % 5 + 1))
    return made


def check_log(
    subject: Subject, check: str, regions: Sequence[MemoryRegion], maps: Sequence[FirmwareMap]
) -> Result:
    """Passed if every region is described well and every map's regions are on the screen."""
    finding = _descriptions(subject, check, regions)
    for given in maps:
        finding = finding or _screen(subject, check, given)
    return Result.passed() if finding is None else Result.failed(finding)


def _descriptions(subject: Subject, check: str, regions: Sequence[MemoryRegion]) -> Finding | None:
    """The simplest region that is described wrongly."""
    run = subject.boot_alone(Scenario(_PLACE.spec(), until=BEFORE_MEMMAP))
    outcomes = run.batch([Operation("describe_region", (region,)) for region in regions])
    for region, outcome in zip(regions, outcomes, strict=True):
        violation = _broken(region, outcome)
        if violation is not None:
            simple = _simplest(run.call, region, violation)
            again = run.call("describe_region", simple)
            found = _broken(simple, again) or violation
            return finding_of(found, of_description(check, simple, again), again.failure)
    return None


def _broken(region: MemoryRegion, outcome: Outcome) -> Violation | None:
    if outcome.failure is not None:
        return violation_of(outcome.failure, REQUIREMENT)
    if not isinstance(outcome.value, str):
        problem = f"describe_region returned {type(outcome.value).__name__}, not a str"
        return Violation("hook-wrong-type", REQUIREMENT, problem, concept="wrong-type")
    return broken_line(outcome.value, region)


def _simplest(call: object, region: MemoryRegion, violation: Violation) -> MemoryRegion:
    """A rounder region that is described wrongly in the same way."""
    for base in (0x10_0000, 0x1_0000_0000):
        for length in (0x1000, 0x10_0000, 0x1_0000_1000):
            simple = region_of_type(base, length, region.type)
            broken = _broken(simple, call("describe_region", simple))  # type: ignore[operator]
            if broken is not None and (broken.rule, broken.concept) == (
                violation.rule,
                violation.concept,
            ):
                return simple
    return region


def _screen(subject: Subject, check: str, given: FirmwareMap) -> Finding | None:
    """What is wrong with the screen after a boot."""
    run, violation = _booted(subject, given)
    if violation is None:
        return None

    def fails(candidate: FirmwareMap) -> bool:
        other = _booted(subject, candidate)[1]
        return other is not None and other.rule == rule

    rule = violation.rule
    failure = run.booted.failure
    if failure is None or failure.kind not in COSTLY_KINDS:
        given = smallest_map(given, fails, limit=40)
        run, found = _booted(subject, given)
        violation, failure = found or violation, run.booted.failure
    case = of_screen(check, given, run.screen(), violation.problem)
    return finding_of(violation, case, failure)


def _booted(subject: Subject, given: FirmwareMap) -> tuple[Run, Violation | None]:
    """A boot past the screen's lines, and the rule that it breaks."""
    run = subject.boot_alone(Scenario(given.spec(), until="memmap", seed=subject.poison))
    if run.booted.failure is not None:
        return run, violation_of(run.booted.failure, REQUIREMENT)
    violation = broken_screen(run.screen(), run.regions[-VISIBLE_ROWS:])
    if violation is None and not run.regions:
        problem = "the table is empty after the boot, so nothing is on the screen"
        violation = Violation("log-screen", REQUIREMENT, problem, concept="log-screen")
    return run, violation
