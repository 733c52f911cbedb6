"""The likely cause of a broken rule, by the smallest sequence of calls that breaks it."""

from kernel_sim.checks.operations_run import Observation
from kernel_sim.checks.region_rules import Violation


def likely_concept(violation: Violation, seen: Observation) -> str:
    """The concept of a violation; the rule's own where the sequence tells no more."""
    hooks = [call.hook for call in seen.cut.calls]
    has_freed = "kfree" in hooks
    has_failed = any(
        turn.hook == "kmalloc" and turn.outcome.value is None for turn in seen.turns[:-1]
    )
    drained = "pmm_alloc_frame" in hooks
    if violation.rule == "disjoint":
        return "heap-overlap-reuse" if has_freed else "heap-overlap"
    if violation.rule == "backed" and has_failed and drained:
        return "growth-not-undone"
    if violation.rule in {"backed", "frames"} and drained and not has_failed:
        return "null-frame"
    if violation.rule == "served" and drained:
        return "no-recovery"
    return violation.concept
