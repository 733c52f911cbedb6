"""The parts of Lab 2's checks that need more than one case, or a measure instead of a verdict."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from kernel_sim.checks.check import FAILED, Part, Result
from kernel_sim.checks.finding import Finding, finding_of
from kernel_sim.checks.frame_cases import exhausting, initialized_twice
from kernel_sim.checks.frame_lab import OPERATIONS, examiner, judging
from kernel_sim.checks.frame_oracle import FrameOracle
from kernel_sim.checks.frame_places import layout_at
from kernel_sim.checks.frame_rules import ALL_RULES, ERRORS, ONCE_ONLY
from kernel_sim.checks.operations import Case, Place
from kernel_sim.checks.operations_check import Alone, SequenceExaminer
from kernel_sim.checks.operations_counterexample import counterexample_of
from kernel_sim.checks.operations_run import Breach, film_case, run_case
from kernel_sim.checks.subject import Subject


def part(  # noqa: PLR0913 - a check, its rules and its cases
    title: str,
    subject: Subject,
    check: str,
    rules: AbstractSet[str],
    cases: Iterable[Case],
    *,
    batch: int = 256,
) -> Part:
    """One question: whether the allocator keeps these rules in all cases."""
    return Part(title, examiner(subject, check, rules, batch=batch).first_finding(cases))


def refusal_parts(
    subject: Subject, check: str, questions: Mapping[str, Sequence[Case]]
) -> list[Part]:
    """Whether what must be refused is, and changes nothing: a part for each title.

    Boots are what takes time. Cases at the same place are first tried one after another in one
    boot; only where something is wrong there each is tried by itself.
    """
    judge = examiner(subject, check, ERRORS, batch=1)
    together: dict[Place, Case] = {}
    for case in (case for cases in questions.values() for case in cases):
        known = together.get(case.place)
        together[case.place] = case if known is None else known.then(case)
    if all(judge.observed(case).violation is None for case in together.values()):
        return [Part(title) for title in questions]
    return [Part(title, judge.first_finding(cases)) for title, cases in questions.items()]


def once_part(title: str, subject: Subject, check: str, places: Iterable[Place]) -> Part:
    """Whether a second ``pmm_init`` does harm where without it all is well."""
    judge = examiner(subject, check, ALL_RULES, batch=1)
    for place in places:
        if judge.observed(initialized_twice(place, times=1)).violation is None:
            finding = judge.finding(initialized_twice(place))
            if finding is not None:
                return Part(title, finding)
        elif (breach := _disturbed(judge, place)) is not None:
            return Part(title, breach)
    return Part(title)


def _disturbed(judge: SequenceExaminer, place: Place) -> Finding | None:
    """What a second ``pmm_init`` changes for a plugin that keeps not all rules anyhow."""
    alone = replace(judge, make_oracle=judging(ONCE_ONLY | {"issued-twice"}))
    if alone.observed(initialized_twice(place, times=1)).violation is not None:
        return None
    return alone.finding(initialized_twice(place))


def boots_part(title: str, subject: Subject, check: str, cases: Iterable[Case]) -> Part:
    """Several machines one after another in one process, each of which is right alone."""
    judge = examiner(subject, check, ALL_RULES)
    return Part(title, judge.across_boots(list(cases)))


def cost_result(subject: Subject, check: str, places: Iterable[Place]) -> Result:
    """The share of the points by the frames that the allocator keeps for itself.

    A bit a frame is what it needs, rounded up to frames: that many cost nothing. Frames that were
    never handed out count, whatever they are for.
    """
    share = 1.0
    worst: tuple[Case, int, int] | None = None
    for place in places:
        case = exhausting(place)
        seen = run_case(Alone(subject), case, _indifferent)
        if seen.violation is not None or not isinstance(seen.oracle, FrameOracle):
            return Result.failed(examiner(subject, check, ALL_RULES).explained(seen))
        layout = layout_at(place)
        spent = (layout.owned & ~seen.oracle.model.issued).bit_count()
        needed = layout.bitmap_frames_needed
        if spent > needed and needed / spent < share:
            share, worst = needed / spent, (case, spent, needed)
    if worst is None:
        return Result.passed()
    case, spent, needed = worst
    problem = f"{spent} frames can't be allocated where {needed} would hold the bitmap"
    filmed = film_case(Alone(subject), replace(case, calls=()), _indifferent)
    breach = Breach(
        "metadata", "KV-9", problem, 0, "metadata-cost", f"at most {needed} frames kept", problem
    )
    filmed.violation = breach
    filmed.case = case
    found = finding_of(breach, counterexample_of(OPERATIONS, check, [case], filmed))
    return Result(FAILED, found, share=share)


def _indifferent(place: Place) -> FrameOracle:
    """A judge for whom no rule counts: a model that follows what happens."""
    return FrameOracle(place, rules=frozenset())
