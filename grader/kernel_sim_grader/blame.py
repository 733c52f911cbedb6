"""Whose fault it is that a check broke: ours, or that of what the plugin left for it to read.

A check that breaks costs a student nothing, so a plugin that can break one, say by events in the
trace that no machine writes, would earn its points. Such a check is tried again with the reference
of the graded role: if that breaks it too, the fault is ours. If not, its points wait for the
instructor, who is shown every check that broke.
"""

from typing import Any, Final

from kernel_sim.checks.check import ERRORED
from kernel_sim.checks.local_bench import LocalBench
from kernel_sim.checks.run import run_checks
from kernel_sim.profiles import profile

PROFILE: Final = "kernel-v"
WITHHELD: Final = (
    "the check broke on what this plugin answered or left behind, and does not break on others; "
    "your instructor looks at it before it gives points"
)


def withhold(document: dict[str, Any], lab: str, roles: tuple[str, ...], seed: int) -> None:
    """Take the points from checks of a lab report's JSON that only this plugin breaks.

    They stay ``errored``, so that the instructor is asked, and say `WITHHELD` as their message.
    """
    broken = [check for check in document["checks"] if check["status"] == ERRORED]
    if not broken:
        return
    ours = _break_anyway([check["id"] for check in broken], lab, roles, seed)
    for check in broken:
        if check["id"] not in ours:
            check["points"], check["cause"] = 0.0, check["message"]
            check["message"] = WITHHELD
    document["score"] = round(sum(check["points"] for check in document["checks"]), 2)


def _break_anyway(names: list[str], lab: str, roles: tuple[str, ...], seed: int) -> set[str]:
    """Which of the checks break on the reference as well."""
    reference = profile(PROFILE).roles[roles[0]]
    report = run_checks(lab, lambda: LocalBench(reference, roles), seed, names)
    return {item.check.id for item in report.reports if item.result.status == ERRORED}
