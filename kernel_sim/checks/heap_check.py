"""The parts of Lab 4's checks that need more than one case, or a measure instead of a verdict."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.check import Part, Result
from kernel_sim.checks.concepts import CONCEPTS
from kernel_sim.checks.finding import Finding, finding_of
from kernel_sim.checks.heap_cases import filled
from kernel_sim.checks.heap_ground import ground_of
from kernel_sim.checks.heap_lab import AS_ASKED, examiner, judging
from kernel_sim.checks.heap_rules import BLOCKS, BOUNDS, REUSE
from kernel_sim.checks.operations import Case, Place, Script
from kernel_sim.checks.operations_check import Alone, SequenceExaminer, failure_of
from kernel_sim.checks.operations_run import run_case
from kernel_sim.checks.subject import Subject

MOST_BLOCKS: Final = 200
TELLING_SIZES: Final = (48, 32, 56)
"""Of one of them a block ends at a page's end: with headers of 16 or 8 bytes, none, or buddies."""


@dataclass(frozen=True, slots=True)
class Questions:
    """Asks the separate questions of one check.

    Args:
        subject: the plugin.
        check: the check's id.
    """

    subject: Subject
    check: str

    def part(
        self, title: str, rules: AbstractSet[str], cases: Iterable[Case], *, batch: int = 256
    ) -> Part:
        """Whether the heap keeps these rules in all cases."""
        judge = examiner(self.subject, self.check, rules, batch=batch)
        return Part(title, judge.first_finding(cases))

    def boots(self, title: str, cases: Sequence[Case]) -> Part:
        """Whether machines that are right alone are so one after another in one process."""
        judge = examiner(self.subject, self.check, BLOCKS | BOUNDS)
        return Part(title, judge.across_boots(cases))

    def last_bytes(self, title: str, place: Place) -> Part:
        """Whether a block may end exactly where the window does.

        How far apart blocks of a size lie is found out first; then the window is made to end, at a
        page boundary, exactly where one more block would.
        """
        for size in TELLING_SIZES:
            tight = _tight(self.subject, place, size)
            if tight is not None:
                judge = examiner(self.subject, self.check, BOUNDS)
                return Part(title, judge.finding(filled(tight, size)))
        return Part(title)


def _tight(subject: Subject, place: Place, size: int) -> Place | None:
    """A place whose window ends where a block of this size does; None if none is small enough."""
    script = Script()
    script.add("kmalloc", size, 8, times=4)
    seen = run_case(Alone(subject), script.at(place), judging(frozenset()))
    values = [turn.outcome.value for turn in seen.turns]
    found = [value for value in values if isinstance(value, int)]
    strides = {b - a for a, b in pairwise(found)}
    if len(found) < 4 or len(strides) != 1:
        return None
    (stride,) = strides
    start = ground_of(place).window.start
    for count in range(4, MOST_BLOCKS):
        end = found[0] + (count - 1) * stride + size
        if stride >= size and end % PAGE_SIZE == 0:
            return with_window(place, start, end)
    return None


def with_window(place: Place, start: int, end: int) -> Place:
    """The same boot, with the heap in another window."""
    config = tuple(item for item in place.config if not item[0].startswith("heap_"))
    return replace(place, config=(*config, ("heap_start", start), ("heap_max_end", end)))


# --- reuse ----------------------------------------------------------------------------------------

_CAUSES: Final[Mapping[frozenset[str], str]] = {
    frozenset({"ascending"}): "coalesce-previous",
    frozenset({"descending"}): "coalesce-next",
    frozenset({"split"}): "no-split",
    frozenset(): "memory-lost",
}
"""Which of the telling probes fail → what is missing; all else is a want of joining."""
_TELLING: Final = frozenset({"ascending", "descending", "split"})
_NOT_REUSED: Final = ("reuse", "", "kmalloc")
"""Memory that is lost is explained once for a plugin, by the first probe that shows it."""


def reuse_result(subject: Subject, check: str, probes: Mapping[str, Sequence[Case]]) -> Result:
    """Each probe is a part; which of them fail tells what is missing.

    A heap that does not use a block again fails them all: in the others it can only be lucky.

    Args:
        subject: the plugin.
        check: the check's id.
        probes: name → cases; the names are ``same``, ``split``, ``ascending``, ``descending``,
            ``mixed``, ``gaps`` and ``random``.
    """
    judge = examiner(subject, check, REUSE | BLOCKS, lab=AS_ASKED)
    found: dict[str, Finding | None] = {}
    for name, cases in probes.items():
        is_explained = _NOT_REUSED in subject.explained or any(found.values())
        finding = _briefly(judge, cases) if is_explained else judge.first_finding(cases)
        found[name] = finding
        if finding is not None and finding.rule == "reuse":
            subject.explained.setdefault(_NOT_REUSED, finding)
            if name == "same":
                found = dict.fromkeys(probes, finding)
                break
    failed = {name for name, finding in found.items() if finding and finding.rule == "reuse"}
    concept = _cause_of(frozenset(failed))
    return Result.of_parts([Part(name, _renamed(f, concept)) for name, f in found.items()])


def _briefly(judge: SequenceExaminer, cases: Sequence[Case]) -> Finding | None:
    """What is wrong in the first case that fails, as it comes: one small case is shown already."""
    for case in cases:
        if judge.subject.given_up is not None:
            return judge.subject.given_up
        seen = judge.observed(case)
        if seen.violation is not None:
            known = judge.subject.known_cost(failure_of(seen))
            return known or finding_of(seen.violation, None)
    return None


def _cause_of(failed: frozenset[str]) -> str:
    if "same" in failed:
        return "no-reuse"
    if failed & _TELLING == {"split", "ascending", "descending"}:
        return "no-split"
    if failed & _TELLING or "mixed" not in failed:
        return _CAUSES.get(failed & _TELLING, "no-coalescing")
    return "no-coalescing"


def _renamed(finding: Finding | None, concept: str) -> Finding | None:
    if finding is None or finding.rule != "reuse":
        return finding
    return replace(finding, concept=concept, cause=CONCEPTS[concept].hint)
