"""What Lab 5 knows about sequences of calls: its oracle, simpler places, simpler arguments."""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.check import Part, Result
from kernel_sim.checks.guard_oracle import GuardOracle
from kernel_sim.checks.operations import Call, Case, Place
from kernel_sim.checks.operations_check import Alone, OperationLab, SequenceExaminer
from kernel_sim.checks.operations_run import OracleMaker, run_case
from kernel_sim.checks.subject import Subject
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


OPERATIONS: Final = OperationLab("lab5", "guard", GuardOracle, simpler_places, simpler_calls)


def judging(rules: AbstractSet[str]) -> OracleMaker:
    """A judge of these rules alone."""
    return partial(GuardOracle, rules=rules)


def examiner(subject: Subject, check: str, rules: AbstractSet[str]) -> SequenceExaminer:
    """The examiner of one of Lab 5's checks: it looks behind each call."""
    return SequenceExaminer(OPERATIONS, subject, check, judging(rules), batch=1)


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
    seen = (run_case(Alone(subject), c, judging(rules), batch=1) for c in together.values())
    return all(observation.violation is None for observation in seen)
