"""A failing sequence as a counterexample: steps with results, expected, got, replay, picture."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from kernel_sim.checks.bench import Outcome
from kernel_sim.checks.finding import Counterexample
from kernel_sim.checks.hook_failure import sentence
from kernel_sim.checks.operations import Case
from kernel_sim.checks.operations_replay import OperationReplay
from kernel_sim.checks.operations_run import Breach, Observation, Turn
from kernel_sim.checks.operations_text import call_text, value_text

if TYPE_CHECKING:
    from kernel_sim.checks.operations_check import OperationLab

FIRST: Final = 3
"""So many results of a step with many turns are shown, and the last."""
WIDTH: Final = 160


def counterexample_of(
    lab: "OperationLab", check: str, cases: Sequence[Case], seen: Observation
) -> Counterexample:
    """The counterexample of boots in one process, of which the last went wrong.

    Args:
        lab: what the lab knows.
        check: the check's id.
        cases: all boots, each cut off where it ended.
        seen: what came of the last.
    """
    replay = OperationReplay(lab.lab, tuple(cases), check)
    violation = seen.violation
    got = violation.got if isinstance(violation, Breach) else ""
    expected = violation.expected if isinstance(violation, Breach) else ""
    operations: list[str] = []
    for case in cases[:-1]:
        operations += [boot_text(case), *map(call_text, case.calls)]
    return Counterexample(
        operations=(*operations, boot_text(seen.cut), *step_lines(seen)),
        expected=expected or "a call that keeps the rule",
        got=got or (violation.problem if violation else ""),
        replay=replay.as_json(),
        line=f"replay({str(replay)!r})",
        picture=picture_of(seen),
    )


def boot_text(case: Case) -> str:
    """The boot that a case begins with."""
    place = case.place
    return f"boot {place.machine} up to {place.until}"


def step_lines(seen: Observation) -> list[str]:
    """Each step that was taken, with its results."""
    by_step: dict[int, list[Turn]] = {}
    for turn in seen.turns:
        by_step.setdefault(turn.step, []).append(turn)
    return [
        f"{call_text(call)}{results_text(by_step.get(step, []))}"
        for step, call in enumerate(seen.cut.calls)
    ]


def results_text(turns: Sequence[Turn]) -> str:
    """What the turns of one step returned, in short; nothing where nothing came back."""
    if not turns:
        return ": not called"
    shown = [outcome_text(turn.outcome) for turn in turns]
    if not any(shown) or all(turn.hook == "pmm_init" for turn in turns):
        return ""
    if len(shown) > FIRST + 1:
        shown = [*shown[:FIRST], "…", shown[-1]]
    return f" → {', '.join(text or 'None' for text in shown)}"


def outcome_text(outcome: Outcome) -> str:
    """One result; empty for None, which most hooks return."""
    failure = outcome.failure
    if failure is not None and failure.error == "NotImplementedError":
        return sentence(failure, "not-written")
    if failure is not None and failure.message.startswith(f"{failure.error}:"):
        return failure.message
    if failure is not None:
        return f"{failure.error or failure.kind}: {sentence(failure)}"
    text = "None" if outcome.value is None else value_text(outcome.value)
    return text if len(text) <= WIDTH else text[:WIDTH] + "…"


def picture_of(seen: Observation) -> str:
    """Before and after the call that went wrong, in text."""
    titles = ("before", "after") if len(seen.scenes) == 2 else ("after",)
    parts: list[str] = []
    for title, scene in zip(titles, seen.scenes[-len(titles) :], strict=False):
        text = scene.text()
        if text:
            parts += [f"{title}:", *(f"  {line}" for line in text.splitlines())]
    return "\n".join(parts)
