"""What a check found wrong: the rule, the likely cause, and the smallest case that shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kernel_sim.checks.bench import Failure
from kernel_sim.checks.concepts import CONCEPTS
from kernel_sim.checks.region_rules import Violation


@dataclass(frozen=True, slots=True)
class Counterexample:
    """The smallest case that fails.

    Args:
        operations: what was done, one line for each entry or step, in order.
        expected: what would have been right, in lines.
        got: what came back, in lines.
        replay: the document that ``ksim replay`` runs again.
        line: the same as one line for a notebook.
        picture: expected and got beside each other, in text.
    """

    operations: tuple[str, ...]
    expected: str
    got: str
    replay: Mapping[str, Any]
    line: str = ""
    picture: str = ""

    def as_json(self) -> dict[str, Any]:
        """The fields as JSON holds them."""
        return {
            "operations": list(self.operations),
            "expected": self.expected,
            "got": self.got,
            "replay": dict(self.replay),
            "line": self.line,
            "picture": self.picture,
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, explained.

    Args:
        rule: short name of the rule that was broken.
        requirement: the requirement's id.
        problem: one sentence with the figures.
        concept: from `concepts.CONCEPTS`.
        cause: the likely cause in a sentence, may be empty.
        counterexample: the smallest case, None where there is nothing to run again.
        line: the line of the plugin's own source, where one is known.
        source_line: its text.
    """

    rule: str
    requirement: str
    problem: str
    concept: str
    cause: str = ""
    counterexample: Counterexample | None = None
    line: int | None = None
    source_line: str = ""

    @property
    def message(self) -> str:
        """Problem and likely cause in one line."""
        source = self.source_line.strip()
        where = f" (line {self.line}{f': {source}' if source else ''})" if self.line else ""
        mark = "." if self.cause and not (self.problem.endswith("?") and not where) else ""
        return f"{self.problem}{where}{mark} {self.cause}".rstrip()


def finding_of(
    violation: Violation,
    counterexample: Counterexample | None,
    failure: Failure | None = None,
    *,
    concept: str = "",
    cause: str = "",
) -> Finding:
    """The finding for a rule that was broken.

    Args:
        violation: the rule.
        counterexample: the smallest case.
        failure: how the hook failed, if that was it.
        concept: what is not understood; the violation's own by default.
        cause: the likely cause; the concept's hint by default.
    """
    name = concept or violation.concept
    known = CONCEPTS[name]
    return Finding(
        rule=violation.rule,
        requirement=known.requirement or violation.requirement,
        problem=violation.problem,
        concept=name,
        cause=cause or known.hint,
        counterexample=counterexample,
        line=failure.line if failure else None,
        source_line=failure.source_line if failure else "",
    )
