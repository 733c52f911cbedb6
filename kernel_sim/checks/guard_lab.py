"""What Lab 5 knows about sequences of calls: its oracle, simpler places, simpler arguments."""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.check import Part, Result
from kernel_sim.checks.finding import Finding
from kernel_sim.checks.guard_oracle import GuardOracle
from kernel_sim.checks.operations import Call, Case, Place
from kernel_sim.checks.operations_check import (
    Alone,
    OperationLab,
    SequenceExaminer,
    failure_of,
    is_costly,
)
from kernel_sim.checks.operations_run import Observation, OracleMaker, run_case
from kernel_sim.checks.subject import Subject
from kernel_sim.hookspecs import BROADCAST_HOOKS, FIRST_ANSWER_HOOKS, ROLE_HOOKS
from kernel_sim.values import GuardRequest


def simpler_places(case: Case) -> Iterable[Place]:
    """The same boot on a small machine."""
    if case.place.machine != "pc4":
        yield replace(case.place, machine="pc4", seed=0)


def simpler_calls(call: Call) -> Iterator[Call]:
    """Smaller regions, shallower stacks, smaller pictures."""
    for index, value in enumerate(call.args):
        if isinstance(value, GuardRequest):
            sizes = (1, PAGE_SIZE, 2 * PAGE_SIZE)
            made: Iterable[object] = (replace(value, size=n) for n in sizes if n < value.size)
        elif call.hook in {"kernel.descend", "render_memory"} and isinstance(value, int):
            made = (n for n in (1, 2, 4, 8, 16, 32) if n < value and index < 2)
        else:
            continue
        for other in made:
            yield replace(call, args=(*call.args[:index], other, *call.args[index + 1 :]))


OWN_HOOKS: Final = frozenset({*ROLE_HOOKS["guard"], *FIRST_ANSWER_HOOKS, *BROADCAST_HOOKS})
"""The hooks that a Lab 5 plugin implements."""
MOST_LOOPS: Final = 3
"""After so many calls of a hook that used up its budget, further cases with it count as failed."""
OPERATIONS: Final = OperationLab("lab5", "guard", GuardOracle, simpler_places, simpler_calls)


def judging(rules: AbstractSet[str]) -> OracleMaker:
    """A judge of these rules alone."""
    return partial(GuardOracle, rules=rules)


class GuardExaminer(SequenceExaminer):
    """Explains each mistake once: a plugin that makes it in many places is shrunk once."""

    def finding(self, case: Case) -> Finding | None:
        """What is wrong in one case; what takes long and is known is not tried again."""
        hopeless = _hopeless(self.subject, case)
        if hopeless is not None:
            return _of_check(hopeless, self.check)
        if self.subject.slow:
            seen = self.observed(case)
            known = self.subject.explained.get(_key(seen))
            if known is not None and is_costly(seen):
                self._note(seen, known)
                return _of_check(known, self.check)
            if seen.violation is None:
                return None
        return super().finding(case)

    def explained(self, seen: Observation) -> Finding:
        """The finding; that of an equal violation before, if there was one."""
        key = _key(seen)
        known = self.subject.explained.get(key)
        if known is None:
            known = _of_plugin(super().explained(seen), seen)
            self.subject.explained[key] = known
        if is_costly(seen):
            self.subject.slow = True
            self._note(seen, known)
        return _of_check(known, self.check)

    def _note(self, seen: Observation, finding: Finding) -> None:
        """Remember that a hook used up its budget."""
        failure = failure_of(seen)
        if failure is not None and failure.hook:
            self.subject.loops.setdefault(failure.hook, []).append(finding)


def _hopeless(subject: Subject, case: Case) -> Finding | None:
    """What is known of a hook that ``case`` calls and that used up its budget often enough."""
    for call in case.calls:
        found = subject.loops.get(call.hook, [])
        if len(found) >= MOST_LOOPS:
            return found[-1]
    return None


def _key(seen: Observation) -> tuple[str, str, str]:
    """What two violations have in common that have one explanation."""
    violation, failure = seen.violation, failure_of(seen)
    hook = failure.hook if failure is not None else ""
    return (violation.rule, violation.concept, hook) if violation is not None else ("", "", hook)


def _of_plugin(finding: Finding, seen: Observation) -> Finding:
    """The finding without a line of another plugin's source."""
    failure = failure_of(seen)
    if failure is None or failure.hook in OWN_HOOKS:
        return finding
    return replace(finding, line=None, source_line="")


def _of_check(finding: Finding, check: str) -> Finding:
    """The same finding, its replay under the name of another check."""
    case = finding.counterexample
    if case is None:
        return finding
    return replace(finding, counterexample=replace(case, replay={**case.replay, "check": check}))


def examiner(subject: Subject, check: str, rules: AbstractSet[str]) -> SequenceExaminer:
    """The examiner of one of Lab 5's checks: it looks behind each call."""
    return GuardExaminer(OPERATIONS, subject, check, judging(rules), batch=1)


def part(
    title: str, subject: Subject, check: str, rules: AbstractSet[str], cases: Iterable[Case]
) -> Part:
    """One question: whether the plugin keeps these rules in all cases."""
    return Part(title, examiner(subject, check, rules).first_finding(cases))


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a check: a title, the rules that count, the cases."""

    title: str
    rules: AbstractSet[str]
    cases: Sequence[Case]


def result(
    subject: Subject, check: str, questions: Sequence[Question], parts: Sequence[Part] = ()
) -> Result:
    """The answers to all questions, and further parts.

    Boots are what takes time. Cases in the same place are first tried one after another in one
    boot; only where something is wrong there each question is asked by itself.
    """
    if _all_right(subject, questions):
        asked = [Part(question.title) for question in questions]
    else:
        asked = [part(q.title, subject, check, q.rules, q.cases) for q in questions]
    return Result.of_parts([*asked, *parts])


def _all_right(subject: Subject, questions: Sequence[Question]) -> bool:
    rules: AbstractSet[str] = frozenset().union(*(question.rules for question in questions))
    together: dict[Place, Case] = {}
    for case in (case for question in questions for case in question.cases):
        known = together.get(case.place)
        together[case.place] = case if known is None else known.then(case)
    if any(_hopeless(subject, case) is not None for case in together.values()):
        return False
    seen = (run_case(Alone(subject), c, judging(rules), batch=1) for c in together.values())
    return all(observation.violation is None for observation in seen)
