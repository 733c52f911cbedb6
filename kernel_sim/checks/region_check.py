"""Running a check of maps: boot each, judge, confirm, shrink and explain the first that fails."""

from collections.abc import Sequence
from dataclasses import dataclass

from kernel_sim.checks.bench import Run, Scenario
from kernel_sim.checks.check import Finding, Result
from kernel_sim.checks.concepts import CONCEPTS
from kernel_sim.checks.diagnosis import concept_of, likely_mistake
from kernel_sim.checks.firmware_map import FirmwareMap, Row
from kernel_sim.checks.hook_failure import COSTLY_KINDS
from kernel_sim.checks.map_shapes import Shape
from kernel_sim.checks.map_shrink import smallest_map
from kernel_sim.checks.memmap_counterexample import of_maps
from kernel_sim.checks.region_case import Observation, observe
from kernel_sim.checks.region_rules import Violation
from kernel_sim.checks.subject import Subject
from kernel_sim.values import RegionKind

_CLASS_MAP = FirmwareMap(
    (
        Row(0x10_0000, 0x80_0000, 1),
        *(Row(0x100_0000 * kind, 0x1_0000, kind) for kind in (2, 3, 4, 5)),
    )
)


@dataclass(frozen=True, slots=True)
class _Alone:
    """A subject whose boots are on a new bench if the plugin carries state."""

    subject: Subject

    def boot(self, scenario: Scenario) -> Run:
        return self.subject.boot_alone(scenario)


@dataclass(frozen=True, slots=True)
class Examiner:
    """Judges maps for one check.

    Args:
        subject: the plugin.
        check: the check's id.
        carry: whether a wrong class that the plugin gives a type everywhere is accepted here.
    """

    subject: Subject
    check: str
    carry: bool = True

    def result(self, shapes: Sequence[Shape], seed: int) -> Result:
        """Passed if the plugin is right about a map of every shape."""
        finding = self.first_finding(shapes, seed)
        return Result.passed() if finding is None else Result.failed(finding)

    def first_finding(self, shapes: Sequence[Shape], seed: int) -> Finding | None:
        """What is wrong with the first map that fails; None if all are right."""
        for shape in shapes:
            finding = self.finding(shape, shape.map(seed, self.check))
            if finding is not None:
                return finding
        return None

    def finding(self, shape: Shape, given: FirmwareMap) -> Finding | None:
        """What is wrong about one map, shrunk and explained; None if nothing is."""
        first_boot = not self.subject.used or self.subject.stateful
        seen, violation = self.judged(given, shape)
        if violation is None:
            return None
        if not first_boot or (seen.failure is not None and seen.failure.kind in COSTLY_KINDS):
            again, confirmed = self.judged_afresh(given, shape)
            if confirmed is None:
                self.subject.stateful = self.subject.stateful or seen.failure is None
                return None
            seen, violation = again, confirmed
        return self.explained(shape, seen, violation)

    def judged(self, given: FirmwareMap, shape: Shape) -> tuple[Observation, Violation | None]:
        """What came back for a map, and the rule it breaks."""
        seen = observe(_Alone(self.subject), given)
        return seen, seen.violation(self.accepted(), may_drop=shape.may_drop)

    def judged_afresh(
        self, given: FirmwareMap, shape: Shape
    ) -> tuple[Observation, Violation | None]:
        """The same with the plugin loaded anew."""
        self.subject.renew()
        return self.judged(given, shape)

    def accepted(self) -> dict[int, RegionKind]:
        """The classes that are accepted besides the right ones."""
        return dict(self.subject.carried) if self.carry else {}

    def explained(self, shape: Shape, seen: Observation, violation: Violation) -> Finding:
        """The finding for a failing map: the smallest like it, its likely cause and a picture."""
        smallest, least = self._shrunk(shape, seen, violation)
        mistake = likely_mistake(smallest, [seen], shape.concepts)
        concept = mistake.concept if mistake else concept_of(least, shape.concepts)
        cause = mistake.cause if mistake else CONCEPTS[concept]
        failure = smallest.failure
        return Finding(
            rule=least.rule,
            requirement=least.requirement,
            problem=least.problem,
            concept=concept,
            cause=cause,
            counterexample=of_maps(self.check, [smallest], carried=self.accepted()),
            line=failure.line if failure else None,
            source_line=failure.source_line if failure else "",
        )

    def _shrunk(
        self, shape: Shape, seen: Observation, violation: Violation
    ) -> tuple[Observation, Violation]:
        """The smallest observation that breaks the same rule for the same likely cause."""
        if seen.failure is not None and seen.failure.kind in COSTLY_KINDS:
            return seen, violation
        mistake = likely_mistake(seen, (), shape.concepts)
        best = seen, violation

        def fails(candidate: FirmwareMap) -> bool:
            nonlocal best
            other, broken = self.judged(candidate, shape)
            if broken is None or broken.rule != violation.rule:
                return False
            if mistake is not None and not mistake.predicts(other.table, other.regions):
                return False
            best = other, broken
            return True

        smallest_map(seen.map, fails)
        return best


def learn_classes(subject: Subject) -> None:
    """Note the kind that the plugin gives each type where nothing overlaps.

    A wrong class is judged by the checks of classes. Other checks accept it, so that one mistake costs points once.
    """
    seen = observe(_Alone(subject), _CLASS_MAP)
    wanted = {row.base: row.type for row in _CLASS_MAP.rows if row.type != 1}
    if seen.failure is None:
        subject.carried = {
            wanted[region.base]: region.kind for region in seen.regions if region.base in wanted
        }
