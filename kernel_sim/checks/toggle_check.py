"""The parts of Lab 5's checks that compare two boots, or look at what a boot itself says."""

from collections.abc import Mapping, Sequence
from typing import Final

from kernel_sim.checks.check import Part
from kernel_sim.checks.finding import Finding, finding_of
from kernel_sim.checks.guard_lab import OPERATIONS, examiner, judging, part
from kernel_sim.checks.guard_oracle import ALL_RULES
from kernel_sim.checks.guard_places import FEATURES
from kernel_sim.checks.operations import Case
from kernel_sim.checks.operations_check import Alone, failure_of, is_costly
from kernel_sim.checks.operations_counterexample import counterexample_of
from kernel_sim.checks.operations_run import Boots, Breach, Observation, run_case
from kernel_sim.checks.operations_text import value_text
from kernel_sim.checks.region_rules import Violation
from kernel_sim.checks.subject import Subject
from kernel_sim.checks.toggle_cases import (
    asking,
    asking_all,
    guard_off,
    guard_on,
    switched_off,
)
from kernel_sim.values import Event

RULES: Final = {
    "guard": frozenset({"class", "nested", "triple-fault"}),
    "faultlog": frozenset({"log", "log-nested"}),
    "memviz": frozenset({"view"}),
    "refcounts": frozenset({"count"}),
    "tags": frozenset({"tag"}),
}
"""Feature → the rules in which it shows."""
_MISSING: Final = {
    "faultlog": ("log-missing", "no fault_trace"),
    "memviz": ("view-cells", "no picture"),
    "refcounts": ("count-owner", "no count"),
    "tags": ("tag-fixed", "no tags"),
}


def toggle_parts(
    subject: Subject, check: str, *, together: bool, words: dict[str, str] | None = None
) -> list[Part]:
    """Whether each feature is there when it is on, and not when it is off.

    Args:
        subject: the plugin.
        check: the check's id.
        together: whether one boot with everything off is enough for those that watch.
        words: where to note what each feature says that is on alone.
    """
    said = {} if words is None else words
    parts = [part("guard", subject, check, RULES["guard"], [guard_on(), guard_off()])]
    if together and _all_there(Alone(subject)) and _all_gone(Alone(subject)):
        return [*parts, *(Part(feature) for feature in FEATURES)]
    return [*parts, *(_toggle_part(feature, subject, check, said) for feature in FEATURES)]


def _all_there(boots: Boots) -> bool:
    """Whether all features answer in one boot with all of them on."""
    boot = run_case(boots, asking_all(*FEATURES), judging(frozenset()), batch=1)
    return boot.violation is None and all(_answers(f, boot) for f in FEATURES)


def _all_gone(boots: Boots) -> bool:
    """Whether no feature answers in one boot with all of them off."""
    rules = frozenset().union(*RULES.values())
    boot = run_case(boots, asking_all(), judging(rules), batch=1)
    return boot.violation is None


def _toggle_part(feature: str, subject: Subject, check: str, said: dict[str, str]) -> Part:
    there = _presence(feature, subject, check, said)
    if there is not None:
        return Part(feature, there)
    return part(feature, subject, check, RULES[feature], [switched_off(feature)])


def _presence(feature: str, subject: Subject, check: str, said: dict[str, str]) -> Finding | None:
    """What is wrong with a feature that is on: only that it says nothing."""
    seen = run_case(Alone(subject), asking(feature, feature), judging(frozenset()), batch=1)
    said[feature] = _words(feature, seen)
    if seen.violation is not None:
        return _finding(check, seen, seen.violation)
    if _answers(feature, seen):
        return None
    concept, words = _MISSING[feature]
    text = f"with config.{feature} on there is {words}"
    return _finding(check, seen, Breach("toggle", "KV-40", text, 0, concept, "an answer", words))


def _answers(feature: str, seen: Observation) -> bool:
    said = _words(feature, seen)
    return said not in {"", "None", "[]"}


def independence_part(subject: Subject, check: str, words: Mapping[str, str]) -> Part:
    """Whether each feature says the same with all others on as alone (KV-41).

    Args:
        subject: the plugin.
        check: the check's id.
        words: what each says alone.
    """
    for feature in FEATURES:
        seen = run_case(Alone(subject), asking(feature, *FEATURES), judging(frozenset()), batch=1)
        wanted, got = words[feature], _words(feature, seen)
        if wanted == got:
            continue
        text = f"{feature} says something else when the other features are off"
        broken = Breach("toggle", "KV-41", text, 0, "toggle-others", wanted, got)
        return Part("each by itself", _finding(check, seen, broken))
    return Part("each by itself")


def _words(feature: str, seen: Observation) -> str:
    """What a feature said: the traces that were logged, or the last answer; empty if it failed."""
    if feature == "faultlog":
        traces = (e.fields for e in seen.run.events() if e.fields.get("event") == "fault_trace")
        return " ".join(value_text(fields.get("frames")) for fields in traces)
    asked = {"memviz": "render_memory", "refcounts": "frame_refcount", "tags": "region_tags"}
    values = [
        turn.outcome.value for turn in seen.turns if turn.hook == asked[feature] and turn.outcome.ok
    ]
    text = value_text(values[-1]) if values else ""
    return text if len(text) <= 400 else f"{text[:400]}…"


def switched_parts(subject: Subject, check: str) -> list[Part]:
    """Whether each feature can be on in one boot and off in the next."""
    subject.renew()
    if _all_there(subject) and _all_gone(subject):
        return [Part(f"{feature} on, then off") for feature in FEATURES]
    return [_switched_part(feature, subject, check) for feature in FEATURES]


def _switched_part(feature: str, subject: Subject, check: str) -> Part:
    title, rules = f"{feature} on, then off", RULES[feature]
    return boots_part(title, subject, check, [asking(feature, feature), asking(feature)], rules)


def cost_part(subject: Subject, check: str, case: Case, quiet: Case) -> Part:
    """Whether the kernel has the same frames left with observers as without."""
    title = "watching costs no memory"
    seen = run_case(Alone(subject), case, judging(frozenset()), batch=1)
    other = run_case(Alone(subject), quiet, judging(frozenset()), batch=1)
    got, wanted = (s.turns[-1].outcome.value if s.turns else None for s in (seen, other))
    if seen.violation is not None:
        return Part(title, _finding(check, seen, seen.violation))
    if got == wanted:
        return Part(title)
    text = "with the features on pmm_stats is another than with them off"
    broken = Breach(
        "toggle", "KV-40", text, 0, "observer-cost", value_text(wanted), value_text(got)
    )
    return Part(title, _finding(check, seen, broken))


def same_trace_part(subject: Subject, check: str, case: Case) -> Part:
    """Whether the same boot and calls, made twice, leave the same trace (I8)."""
    title = "the same trace twice"
    traces: list[Sequence[tuple[str, str]]] = []
    seen: Observation | None = None
    for _ in range(2):
        subject.renew()
        seen = run_case(subject, case, judging(frozenset()), batch=1)
        if is_costly(seen):
            return Part(title)  # a loop is told by other parts; once more would cost as much
        traces.append([_plain(event) for event in seen.run.events()])
    if seen is None or traces[0] == traces[1]:
        return Part(title)
    pairs = zip(*traces, strict=False)
    first = next((a for a in pairs if a[0] != a[1]), (("", "nothing"), ("", "more events")))
    text = "two equal boots with the same calls left different traces"
    broken = Breach("trace", "KV-44", text, 0, "trace-differs", first[0][1], first[1][1])
    return Part(title, _finding(check, seen, broken))


def _plain(event: Event) -> tuple[str, str]:
    return event.kind, repr(sorted(event.fields.items()))


def selftest_part(subject: Subject, check: str, case: Case) -> Part:
    """Whether the self-tests of a whole boot pass with this plugin (KV-43)."""
    title = "the boot's self-tests"
    seen = run_case(Alone(subject), case, judging(frozenset()), batch=1)
    if seen.violation is not None:
        return Part(title, _finding(check, seen, seen.violation))
    for event in seen.run.events():
        results = event.fields.get("result") if event.fields.get("hook") == "selftest" else None
        for result in results if isinstance(results, list) else ():
            if isinstance(result, dict) and not result.get("passed"):
                text = f"the self-test {result.get('name')} fails: {result.get('detail')}"
                broken = Breach("selftest", "KV-43", text, 0, "selftest", "passed", "failed")
                return Part(title, _finding(check, seen, broken))
    return Part(title)


def boots_part(
    title: str,
    subject: Subject,
    check: str,
    cases: Sequence[Case],
    rules: frozenset[str] = ALL_RULES,
) -> Part:
    """Several machines one after another in one process, each of which is right alone."""
    return Part(title, examiner(subject, check, rules).across_boots(cases))


def _finding(check: str, seen: Observation, broken: Violation) -> Finding:
    seen.violation, seen.at = broken, seen.turns[-1] if seen.turns else None
    case = counterexample_of(OPERATIONS, check, [seen.cut], seen)
    return finding_of(broken, case, failure_of(seen))
