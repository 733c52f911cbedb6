"""A hook that failed, as the rule that it broke: one line and a concept for each way to fail."""

from typing import Final

from kernel_sim.checks.bench import Failure
from kernel_sim.checks.region_rules import Violation

COSTLY_KINDS: Final = frozenset({"budget", "died", "load", "missing"})
"""After these, further boots cost much or tell nothing new."""
_CONCEPTS: Final = {
    "raised": "refused",
    "oops": "crash",
    "wrong_type": "wrong-type",
    "budget": "loop",
    "stopped": "machine-stopped",
    "missing": "missing-hook",
    "load": "load",
    "died": "process-ended",
}
_CONCEPT_OF_ERROR: Final = {"NotImplementedError": "not-written", "SystemExit": "sys-exit"}


def violation_of(failure: Failure, requirement: str = "KV-3") -> Violation:
    """The rule that a hook breaks by failing."""
    concept = _CONCEPT_OF_ERROR.get(failure.error, _CONCEPTS.get(failure.kind, "crash"))
    return Violation(f"hook-{concept}", requirement, sentence(failure, concept), concept=concept)


def sentence(failure: Failure, concept: str = "") -> str:
    """What happened, in one line."""
    hook = failure.hook or "the plugin"
    message = failure.message or failure.error or failure.kind
    if concept == "not-written":
        return message if "not written yet" in message else f"{hook} is not written yet"
    if failure.kind in {"load", "missing", "died"}:
        return message
    if failure.kind == "budget":
        return f"{hook} does not come to an end: {message}"
    if failure.kind == "raised":
        return f"{hook} refused: {message}"
    return f"{hook}: {message}"
