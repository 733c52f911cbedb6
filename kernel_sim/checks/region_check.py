"""Running a check of maps: boot each, judge, confirm, shrink and explain the first that fails."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kernel_sim.checks.bench import Run, Scenario
from kernel_sim.checks.check import Result
from kernel_sim.checks.diagnosis import concept_of, likely_mistake
from kernel_sim.checks.finding import Finding, finding_of
from kernel_sim.checks.firmware_map import FirmwareMap
from kernel_sim.checks.hook_failure import COSTLY_KINDS
from kernel_sim.checks.map_shapes import Shape
from kernel_sim.checks.map_shrink import first_small_map, smallest_map
from kernel_sim.checks.memmap_counterexample import of_maps
from kernel_sim.checks.parser_model import Mistake
from kernel_sim.checks.region_case import Observation, observe
from kernel_sim.checks.region_rules import Violation
from kernel_sim.checks.subject import Subject
from kernel_sim.values import RegionKind

KNOWN_CLASSES: Final = FirmwareMap.parse(
    "24 0x100000+0x800000:1 0x2000000+0x10000:2 0x3000000+0x10000:3 0x4000000+0x10000:4"
    " 0x5000000+0x10000:5"
)
"""One region of each type that has a kind of its own, far from each other."""
DIAGNOSTIC: Final = (
    FirmwareMap.parse(
        "24 0x0+0x9fc00:1 0x9fc00+0x400:2 0x100000+0x800000:1 0x1000000+0x1000:2!0x0"
        " 0x1100000+0x1000:2!0x3 0x1200000+0x1000:2!0x2 0x1300000+0x0:1 0x1400000+0x1000:2"
    ),
    FirmwareMap.parse(
        "24 0x100000+0x800000:1 0x1000000+0x1000:2 0x1001000+0x1000:1 0x1100000+0x1000:3"
        " 0x1200000+0x1000:4 0x1300000+0x1000:5 0x1400000+0x1000:6 0x1500000+0x1000:12"
        " 0xc0000000+0x80000000:2 0x200000000+0x1000:2"
    ),
    FirmwareMap.parse(
        "24 0x100000+0x800000:1 0x2000000+0x10000:1 0x2004000+0x1000:2 0x3000000+0x4000:2"
        " 0x3001000+0x1000:4 0x4000000+0x1800:1 0x5000000+0x2000:1 0x5001000+0x2000:2"
        " 0x6000000+0x1000:0x1000000"
    ),
)
"""Maps that make mistakes differ: booted once for a plugin that failed, only to explain."""
RECENT: Final = 24
"""So many of the last maps are compared with what a mistake predicts."""


@dataclass(frozen=True, slots=True)
class Alone:
    """A subject whose boots are on a new bench if the plugin carries state."""

    subject: Subject

    def boot(self, scenario: Scenario) -> Run:
        """A new machine."""
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
        """What is wrong about one map, confirmed, shrunk and explained; None if nothing is."""
        alone = not self.subject.used or self.subject.stateful
        seen, violation = self.judged(given)
        self.subject.history.append(seen)
        if violation is None:
            return None
        if _is_costly(seen):
            return self._costly(shape, seen)
        if not alone:
            seen, confirmed = self.judged_afresh(given)
            if confirmed is None:
                self.subject.stateful = True
                return None
            violation = confirmed
        return self.explained(shape, seen, violation)

    def _costly(self, shape: Shape, seen: Observation) -> Finding | None:
        """A failure that takes long: a small case confirms it, or else one more run alone."""
        small: list[Observation] = []

        def also_costly(given: FirmwareMap) -> bool:
            other = self.judged(given)[0]
            small.append(other)
            return _is_costly(other)

        if first_small_map(seen.map, also_costly):
            again = small[-1]
        else:
            again = self.judged_afresh(seen.map)[0]
        violation = again.violation(self.accepted())
        if violation is None:
            return None
        case = of_maps(self.check, [again])
        return finding_of(
            violation, case, again.failure, concept=concept_of(violation, shape.concepts)
        )

    def judged(self, given: FirmwareMap) -> tuple[Observation, Violation | None]:
        """What came back for a map, and the rule it breaks."""
        seen = observe(Alone(self.subject), given, seed=self.subject.poison)
        return seen, seen.violation(self.accepted())

    def judged_afresh(self, given: FirmwareMap) -> tuple[Observation, Violation | None]:
        """The same with the plugin loaded anew."""
        self.subject.renew()
        return self.judged(given)

    def accepted(self) -> dict[int, RegionKind]:
        """The classes that are accepted besides the right ones."""
        return dict(self.subject.carried) if self.carry else {}

    def explained(self, shape: Shape, seen: Observation, violation: Violation) -> Finding:
        """The finding for a failing map: the smallest like it, its likely cause and a picture."""
        evidence = self._evidence() if seen.failure is None else []
        known = self.subject.mistakes
        mistake = likely_mistake(seen, evidence, shape.concepts, known)
        smallest, least = self._shrunk(seen, violation, mistake)
        mistake = mistake or likely_mistake(smallest, evidence, shape.concepts, known)
        if mistake is not None and mistake not in known:
            known.append(mistake)
        concept = mistake.concept if mistake else concept_of(least, shape.concepts)
        cause = mistake.cause if mistake else ""
        case = of_maps(self.check, [smallest], carried=self.accepted())
        return finding_of(least, case, smallest.failure, concept=concept, cause=cause)

    def _evidence(self) -> list[Observation]:
        """What the plugin made of the latest maps and of the diagnostic ones."""
        subject = self.subject
        if subject.diagnosed is None:
            bench = Alone(subject)
            subject.diagnosed = [observe(bench, m, seed=subject.poison) for m in DIAGNOSTIC]
        return [*subject.history[-RECENT:], *subject.diagnosed]

    def _shrunk(
        self, seen: Observation, violation: Violation, mistake: Mistake | None
    ) -> tuple[Observation, Violation]:
        """The smallest observation that breaks the same rule for the same likely cause."""
        best = seen, violation

        def fails(candidate: FirmwareMap) -> bool:
            nonlocal best
            other, broken = self.judged(candidate)
            if broken is None or not _alike(broken, violation, mistake, other):
                return False
            best = other, broken
            return True

        smallest_map(seen.map, fails)
        return best


def _alike(broken: Violation, first: Violation, mistake: Mistake | None, seen: Observation) -> bool:
    """Whether a smaller case fails in the same way: by the same mistake, or else the same rule."""
    if mistake is None or seen.failure is not None:
        return broken.rule == first.rule
    return mistake.predicts(seen.table, seen.regions)


def _is_costly(seen: Observation) -> bool:
    return seen.failure is not None and seen.failure.kind in COSTLY_KINDS


def learn_classes(subject: Subject) -> None:
    """Note the kind that the plugin gives each type where nothing overlaps.

    A wrong class is judged by the checks of classes. Other checks accept it, so that one mistake
    costs points once; unless even reserved memory became available.
    """
    seen = observe(Alone(subject), KNOWN_CLASSES, seed=subject.poison)
    wanted = {row.base: row.type for row in KNOWN_CLASSES.rows if row.type != 1}
    if seen.failure is not None:
        return
    kinds = {wanted[r.base]: r.kind for r in seen.regions if r.base in wanted}
    if kinds.get(2) is not RegionKind.AVAILABLE:
        subject.carried = kinds
