"""A check, and the three things that can come out of it: passed, failed, or errored (ours)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Self

from kernel_sim.checks.finding import Finding
from kernel_sim.checks.subject import Subject

PASSED: Final = "passed"
FAILED: Final = "failed"
ERRORED: Final = "errored"


@dataclass(frozen=True, slots=True)
class Part:
    """One of several separate questions of a check, each of the same weight."""

    title: str
    finding: Finding | None = None

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return self.finding is None


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one check.

    Args:
        status: ``'passed'``, ``'failed'`` or ``'errored'``; an errored check is ours and costs
        nothing. finding: of a failed check, what is wrong. share: which part of the points is
        earned, 0 to 1. error: of an errored check, what went wrong with us. parts: where a check
        asks several questions, the answer to each.
    """

    status: str
    finding: Finding | None = None
    share: float = 0.0
    error: str = ""
    parts: tuple[Part, ...] = field(default=())

    @classmethod
    def passed(cls) -> Self:
        """All is well."""
        return cls(PASSED, share=1.0)

    @classmethod
    def failed(cls, finding: Finding) -> Self:
        """Something is wrong."""
        return cls(FAILED, finding)

    @classmethod
    def errored(cls, error: str) -> Self:
        """The check itself went wrong; the student gets the points."""
        return cls(ERRORED, share=1.0, error=error)

    @classmethod
    def of_parts(cls, parts: list[Part]) -> Self:
        """Passed if every part is; else the first finding, and the share that passed."""
        wrong = [part for part in parts if not part.passed]
        if not wrong:
            return cls(PASSED, share=1.0, parts=tuple(parts))
        share = 1 - len(wrong) / len(parts)
        return cls(FAILED, wrong[0].finding, share, parts=tuple(parts))


CheckFunction = Callable[[Subject, int], Result]


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a lab.

    Args:
        id: the id of its test cell in the notebook, and of its points in the course.
        lab: ``'lab1'`` to ``'lab5'``.
        requirements: the ids it covers.
        function: called with the subject and a seed; its docstring's first line is the student's.
        visible: whether students have it.
    """

    id: str
    lab: str
    requirements: tuple[str, ...]
    function: CheckFunction
    visible: bool = True

    @property
    def title(self) -> str:
        """The line a student reads."""
        return (self.function.__doc__ or self.id).strip().splitlines()[0]
