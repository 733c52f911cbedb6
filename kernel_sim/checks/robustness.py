"""The parts of the robustness checks: sizes, places, many entries, further boots (KV-8)."""

from collections.abc import Sequence

from kernel_sim.checks.check import Part
from kernel_sim.checks.finding import Finding, finding_of
from kernel_sim.checks.firmware_map import FirmwareMap, Row
from kernel_sim.checks.hook_failure import violation_of
from kernel_sim.checks.map_shapes import Shape, tidy
from kernel_sim.checks.map_shrink import BOOT_ROW
from kernel_sim.checks.memmap_counterexample import of_maps
from kernel_sim.checks.region_case import Observation, observe
from kernel_sim.checks.region_check import Examiner
from kernel_sim.checks.region_rules import Violation
from kernel_sim.values import RegionKind

_FREE = "a table without entries gave available memory"
_EMPTY_TABLE = Shape("empty", tidy, ("stops-early",))


def maps_part(title: str, examiner: Examiner, shapes: Sequence[Shape], seed: int) -> Part:
    """The plugin is right about a map of every shape."""
    return Part(title, examiner.first_finding(shapes, seed))


def boots_part(title: str, examiner: Examiner, count: int, seed: int) -> Part:
    """The plugin is right about ``count`` machines, booted one after another in one process."""
    maps = [Shape(f"boot {k}", tidy).map(seed, examiner.check) for k in range(count)]
    examiner.subject.renew()
    seen: list[Observation] = []
    for given in [*maps, maps[0]]:
        seen.append(observe(examiner.subject, given, seed=examiner.subject.poison))
        violation = seen[-1].violation(examiner.accepted())
        if violation is None:
            continue
        shape = Shape("boot", tidy, ("state-across-boots",))
        fresh, confirmed = examiner.judged_afresh(given)
        if confirmed is not None:
            return Part(title, examiner.explained(shape, fresh, confirmed))
        examiner.subject.stateful = True
        return Part(title, _state_finding(examiner, seen))
    return Part(title)


def _state_finding(examiner: Examiner, seen: Sequence[Observation]) -> Finding:
    """Two boots that are right alone and wrong one after another, as small as they can be made."""
    small = FirmwareMap((BOOT_ROW,)), FirmwareMap((BOOT_ROW, Row(0x100_0000, 0x1000, 2)))
    examiner.subject.renew()
    pair = [observe(examiner.subject, given, seed=examiner.subject.poison) for given in small]
    if pair[-1].violation(examiner.accepted()) is None:
        pair = list(seen)
    violation = pair[-1].violation(examiner.accepted())
    problem = violation.problem if violation else "a later boot went wrong"
    problem = f"boot {len(pair)} in one process went wrong, alone it is right: {problem}"
    broken = Violation("boots", "KV-8", problem, concept="state-across-boots")
    return finding_of(broken, of_maps(examiner.check, pair), pair[-1].failure)


def empty_part(title: str, examiner: Examiner, seed: int) -> Part:
    """Nothing becomes available where boot_info says that there are no entries.

    A plugin may read the count from memory itself, where the firmware left the true one: that is
    accepted.
    """
    given = _EMPTY_TABLE.map(seed, examiner.check)
    seen = observe(examiner.subject, given, seed=examiner.subject.poison, count=0)
    if seen.failure is None:
        free = [region for region in seen.regions if region.kind is RegionKind.AVAILABLE]
        if not free or seen.violation(examiner.accepted()) is None:
            return Part(title)
    violation = Violation("free", "KV-8", _FREE, concept="off-by-one")
    if seen.failure is not None:
        violation = violation_of(seen.failure, "KV-8")
    case = of_maps(examiner.check, [seen], count=0)
    return Part(title, finding_of(violation, case, seen.failure))
