"""The likely cause of a wrong table: the typical mistake that leads to exactly this table."""

from collections.abc import Sequence
from typing import Final

from kernel_sim.checks.mistakes import MISTAKES
from kernel_sim.checks.parser_model import Mistake
from kernel_sim.checks.region_case import Observation
from kernel_sim.checks.region_rules import Violation
from kernel_sim.values import RegionKind

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
) -> Mistake | None:
    """The mistake that explains ``observation``, and most of ``others``; None if none does.

    Args:
        observation: the smallest failing case.
        others: further failing cases of the same plugin.
        usual: concepts that the case was made for; preferred where several mistakes explain it.
    """
    if observation.failure is not None:
        return None
    fitting = [m for m in MISTAKES if m.predicts(observation.table, observation.regions)]
    if not fitting:
        return None
    failing = [other for other in others if other.failure is None]

    def rank(mistake: Mistake) -> tuple[int, bool]:
        explained = sum(mistake.predicts(other.table, other.regions) for other in failing)
        return explained, mistake.concept in usual

    return max(fitting, key=rank)


def concept_of(violation: Violation, usual: Sequence[str]) -> str:
    """The concept where no mistake is recognised: the rule's own, else what the case was made for."""
    if violation.concept:
        return violation.concept
    return usual[0] if usual else _CONCEPT_OF_RULE.get(violation.rule, "missing-memory")


def seen_before(regions: Sequence[object], earlier: Sequence[Sequence[object]]) -> bool:
    """Whether ``regions`` hold, or are, what an earlier boot returned."""
    return any(table and set(map(_key, table)) <= set(map(_key, regions)) for table in earlier)


def _key(region: object) -> tuple[object, object, RegionKind | None]:
    return (
        getattr(region, "base", None),
        getattr(region, "length", None),
        getattr(region, "kind", None),
    )
