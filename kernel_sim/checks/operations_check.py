"""Judging sequences for one check: run, confirm, shrink, film and explain the first that fails.

What a lab has to say is in its `OperationLab`; everything else is the same for all labs.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from kernel_sim.checks.bench import Failure, Run, Scenario
from kernel_sim.checks.finding import Finding, finding_of
from kernel_sim.checks.hook_failure import COSTLY_KINDS
from kernel_sim.checks.operations import Case, Place
from kernel_sim.checks.operations_counterexample import counterexample_of
from kernel_sim.checks.operations_run import (
    BATCH,
    Observation,
    Oracle,
    OracleMaker,
    film_case,
    run_case,
)
from kernel_sim.checks.operations_shrink import Simpler, smallest_case
from kernel_sim.checks.region_rules import Violation
from kernel_sim.checks.subject import Subject

_LONG: Final = 3
"""Cases of so few steps are shrunk as they are."""

_MOST_PAIRS: Final = 24
"""So many pairs of short boots are tried."""

MOST_SLOW: Final = 2
"""After so many tries that used up a limit a case is small enough."""

MOST_SLOW_IN_ALL: Final = 3
"""After so many such tries for one plugin no case is made smaller any more."""


def no_places(case: Case) -> Iterable[Place]:  # noqa: ARG001 - the signature of a choice of places
    """No other place to try."""
    return ()


def no_cases(case: Case) -> Iterable[Case]:  # noqa: ARG001 - the signature of a choice of cases
    """No case to try first."""
    return ()


def own_concept(violation: Violation, seen: Observation) -> str:  # noqa: ARG001 - as above
    """The concept that the rule itself names."""
    return violation.concept


@dataclass(frozen=True, slots=True)
class OperationLab:
    """What a lab whose checks are sequences of hook calls knows.

    Args:
        lab: ``'lab2'`` and so on.
        role: the role that its plugin fills.
        make_oracle: makes the judge of one boot.
        places: simpler places for a case that fails, the simplest first.
        simpler: simpler arguments of a call.
        concept: the likely cause of a violation, given the smallest case that shows it.
        known: short cases at the same place, tried before a long one is shrunk.
        aside: hooks that only lay the ground, whose turns need no look in between.
    """

    lab: str
    role: str
    make_oracle: OracleMaker
    places: Callable[[Case], Iterable[Place]] = no_places
    simpler: Simpler | None = None
    concept: Callable[[Violation, Observation], str] = own_concept
    known: Callable[[Case], Iterable[Case]] = no_cases
    aside: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Alone:
    """A subject whose boots are on a new bench if the plugin carries state from boot to boot."""

    subject: Subject

    def boot(self, scenario: Scenario) -> Run:
        """A new machine."""
        return self.subject.boot_alone(scenario)


@dataclass(frozen=True, slots=True)
class SequenceExaminer:
    """Judges cases for one check.

    Args:
        lab: what the lab knows.
        subject: the plugin.
        check: the check's id.
        make_oracle: a judge that knows only some of the rules; the lab's own by default.
        batch: calls between two looks into RAM.
    """

    lab: OperationLab
    subject: Subject
    check: str
    make_oracle: OracleMaker | None = None
    batch: int = BATCH
    _right: list[Case] = field(default_factory=list)

    def first_finding(self, cases: Iterable[Case]) -> Finding | None:
        """What is wrong in the first case that fails; None if all are right."""
        for case in cases:
            if any(case is right for right in self._right):
                continue  # the part before has just had it
            found = self.finding(case)
            if found is not None:
                return found
            self._right.append(case)
        return None

    def finding(self, case: Case) -> Finding | None:
        """What is wrong in one case, shrunk and explained; None if nothing is."""
        if self.subject.given_up is not None:
            return self.subject.given_up
        first_boot = not self.subject.used or self.subject.stateful
        seen = self.observed(case)
        if seen.violation is None:
            return None
        known = self.subject.known_cost(failure_of(seen))
        if known is not None:
            return known
        if not first_boot or is_costly(seen):
            self.subject.renew()
            again = self._alone(seen) if is_costly(seen) else seen
            if again is seen:
                self.subject.renew()
                again = self.observed(case)
            if _kind(again.violation) != _kind(seen.violation) and not is_costly(seen):
                self.subject.stateful = True  # an earlier boot made the difference
            if again.violation is None:
                return None
            seen = again
        found = self.explained(seen)
        if is_costly(seen):
            self.subject.note_cost(found, failure_of(seen))
        return found

    def observed(self, case: Case, *, batch: int = 0) -> Observation:
        """What comes of a case."""
        calls = 1 if self.subject.singly else batch or self.batch
        aside = self.lab.aside
        seen = run_case(Alone(self.subject), case, self._oracle, batch=calls, together=aside)
        self.subject.singly = self.subject.singly or seen.slow
        return seen

    def explained(self, seen: Observation) -> Finding:
        """The finding for a case that failed: the smallest like it, its likely cause, pictures."""
        if is_costly(seen):
            last = self._alone(seen)
        else:
            filmed = film_case(Alone(self.subject), self._shrunk(seen), self._oracle)
            last = filmed if filmed.violation is not None else seen
        violation = last.violation or seen.violation
        if violation is None:
            raise ValueError("a case that does not fail has nothing to explain")
        concept = self.lab.concept(violation, last)
        case = counterexample_of(self.lab, self.check, [last.cut], last)
        return finding_of(violation, case, failure_of(last), concept=concept)

    def across_boots(self, cases: Sequence[Case]) -> Finding | None:
        """What is wrong when the cases run one after another in one process, each right alone.

        A case that is wrong alone is another matter, and found by other checks.
        """
        if self.subject.given_up is not None:
            return self.subject.given_up
        self.subject.renew()
        done: list[Case] = []
        for case in cases:
            calls = 1 if self.subject.singly else self.batch
            seen = run_case(self.subject, case, self._oracle, batch=calls)
            self.subject.singly = self.subject.singly or seen.slow
            done.append(seen.cut)
            if seen.violation is None:
                continue
            if self.subject.known_cost(failure_of(seen)) is not None:
                return None
            self.subject.renew()
            calls = 1 if self.subject.singly else self.batch
            if run_case(self.subject, case, self._oracle, batch=calls).violation is not None:
                return None
            self.subject.stateful = True
            return self._state_finding(done, seen, seen.violation)
        return None

    def _state_finding(
        self, done: Sequence[Case], seen: Observation, violation: Violation
    ) -> Finding:
        """The boots that only go wrong together, as few and as short as still do."""
        earlier = [Case(done[0].place), *self.lab.known(done[0]), *done[:-1]]
        later = [Case(done[-1].place), *self.lab.known(done[-1]), done[-1]]
        pairs = [(one, two) for two in later for one in earlier]
        for one, two in pairs[:_MOST_PAIRS]:
            self.subject.renew()
            run_case(self.subject, one, self._oracle)
            after = run_case(self.subject, two, self._oracle, batch=self.batch)
            if after.violation is not None and not is_costly(after):
                done, seen, violation = [one, after.cut], after, after.violation
                break
        problem = f"boot {len(done)} in one process went wrong, alone it is right: "
        broken = replace(
            violation,
            rule="boots",
            problem=problem + violation.problem,
            concept="state-across-boots",
        )
        case = counterexample_of(self.lab, self.check, done, seen)
        return finding_of(broken, case, failure_of(seen))

    def _alone(self, seen: Observation) -> Observation:
        """What comes of the last call alone, if it fails alone: one try, since tries cost much."""
        if seen.at is None or last_call(seen.cut) == seen.case:
            return seen
        alone = self.observed(last_call(seen.cut))
        return alone if _kind(alone.violation) == _kind(seen.violation) else seen

    def _shrunk(self, seen: Observation) -> Case:
        if seen.violation is None:
            return seen.cut
        rule, concept = seen.violation.rule, seen.violation.concept
        before = self.subject.slow_tries

        def tried(candidate: Case) -> Observation | None:
            """What comes of it; None once too many tries have used up a limit."""
            slow = self.subject.slow_tries
            if slow - before >= MOST_SLOW or slow >= MOST_SLOW_IN_ALL:
                return None
            found = self.observed(candidate)
            self.subject.slow_tries += is_costly(found)
            return found

        def fails(candidate: Case) -> bool:
            found = tried(candidate)
            other = found.violation if found is not None else None
            return other is not None and (other.rule, other.concept) == (rule, concept)

        start = seen.cut
        for known in self.lab.known(seen.case) if len(start.calls) > _LONG else ():
            found = tried(known)
            if found is not None and found.violation and found.violation.rule == rule:
                start, concept = found.cut, found.violation.concept
                break
        places = self.lab.places(seen.case)
        return smallest_case(start, fails, places=places, simpler=self.lab.simpler)

    def _oracle(self, place: Place) -> Oracle:
        return (self.make_oracle or self.lab.make_oracle)(place)


def last_call(case: Case) -> Case:
    """The case with its last call alone, and those whose results it needs."""
    needed = {len(case.calls) - 1}
    for step in range(len(case.calls) - 1, -1, -1):
        if step in needed:
            needed |= case.calls[step].steps_used()
    return case.keeping(sorted(needed))


def _kind(violation: Violation | None) -> tuple[str, str] | None:
    """What tells two kinds of violation apart."""
    return (violation.rule, violation.concept) if violation is not None else None


def failure_of(seen: Observation) -> Failure | None:
    """The failure of the boot or of the turn that went wrong, if it was one."""
    if seen.run.booted.failure is not None:
        return seen.run.booted.failure
    return seen.at.outcome.failure if seen.at is not None else None


def is_costly(seen: Observation) -> bool:
    """Whether trying again would cost much or tell nothing new."""
    failure = failure_of(seen)
    return failure is not None and failure.kind in COSTLY_KINDS
