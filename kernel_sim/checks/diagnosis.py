"""The likely cause of a wrong table: the typical mistake that leads to exactly this table."""

from collections.abc import Sequence
from typing import Final

from kernel_sim.checks.mistakes import MISTAKES
from kernel_sim.checks.parser_model import Mistake
from kernel_sim.checks.region_case import Observation
from kernel_sim.checks.region_rules import Violation

RIGHT: Final = Mistake("none", "")
"""The parser without a mistake: what it predicts is only out of shape."""
_CONCEPT_OF_RULE: Final = {
    "missing": "missing-memory",
    "invented": "invented-memory",
    "free": "overlap",
    "kind": "overlap",
}


def likely_mistake(
    observation: Observation,
    others: Sequence[Observation] = (),
    usual: Sequence[str] = (),
    known: Sequence[Mistake] = (),
) -> Mistake | None:
    """The mistake that explains ``observation``, and most of ``others``; None if none does.

    Args:
        observation: the smallest failing case.
        others: further failing cases of the same plugin.
        usual: concepts that the case was made for; preferred where several mistakes explain it.
        known: mistakes that this plugin was found to make before; asked first.
    """
    if observation.failure is not None or _predicts(RIGHT, observation):
        return None
    for mistake in known:
        if _predicts(mistake, observation):
            return mistake
    fitting = [mistake for mistake in MISTAKES if _predicts(mistake, observation)]
    if not fitting:
        return None

    def rank(mistake: Mistake) -> tuple[int, bool]:
        explained = sum(_predicts(mistake, other) for other in others)
        return explained, mistake.concept in usual

    return max(fitting, key=rank)


def _predicts(mistake: Mistake, seen: Observation) -> bool:
    return seen.failure is None and mistake.predicts(seen.table, seen.regions)


def concept_of(violation: Violation, usual: Sequence[str]) -> str:
    """Where no mistake is recognised: the rule's own concept, else the case's."""
    if violation.concept:
        return violation.concept
    return usual[0] if usual else _CONCEPT_OF_RULE.get(violation.rule, "missing-memory")
