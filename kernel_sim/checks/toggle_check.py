"""The parts of Lab 5's checks that compare two boots, or look at what a boot itself says."""

from collections.abc import Sequence
from typing import Final

from kernel_sim.checks.check import Part
from kernel_sim.checks.finding import Finding, finding_of
from kernel_sim.checks.guard_lab import OPERATIONS, examiner, judging, part
from kernel_sim.checks.guard_oracle import ALL_RULES
from kernel_sim.checks.guard_places import FEATURES
from kernel_sim.checks.operations import Case
from kernel_sim.checks.operations_check import Alone, failure_of
from kernel_sim.checks.operations_counterexample import counterexample_of
from kernel_sim.checks.operations_run import Breach, Observation, run_case
from kernel_sim.checks.operations_text import value_text
from kernel_sim.checks.region_rules import Violation
from kernel_sim.checks.subject import Subject
from kernel_sim.checks.toggle_cases import asking, guard_off, guard_on, switched_off
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


def toggle_part(feature: str, subject: Subject, check: str, machine: str = "pc4") -> Part:
    """Whether a feature is there when it is on, and not when it is off."""
    if feature == "guard":
        return part(
            "guard", subject, check, RULES["guard"], [guard_on(machine), guard_off(machine)]
        )
    there = _presence(feature, subject, check, machine)
    if there is not None:
        return Part(feature, there)
    return part(feature, subject, check, RULES[feature], [switched_off(feature, machine)])


def _presence(feature: str, subject: Subject, check: str, machine: str) -> Finding | None:
    """What is wrong with a feature that is on: only that it says nothing."""
    seen = run_case(
        Alone(subject), asking(feature, machine, feature), judging(frozenset()), batch=1
    )
    if seen.violation is not None:
        return _finding(check, seen, seen.violation)
    if _answers(feature, seen):
        return None
    concept, words = _MISSING[feature]
    text = f"with config.{feature} on there is {words}"
    return _finding(check, seen, Breach("toggle", "KV-40", text, 0, concept, "an answer", words))


def _answers(feature: str, seen: Observation) -> bool:
    if feature == "faultlog":
        return any(e.fields.get("event") == "fault_trace" for e in seen.run.events())
    value = seen.turns[-1].outcome.value
    return value is not None and value != []


def independence_part(subject: Subject, check: str, machine: str = "pc4") -> Part:
    """Whether each feature says the same with all others on as alone (KV-41)."""
    for feature in FEATURES:
        alone = _said(subject, asking(feature, machine, feature))
        case = asking(feature, machine, *FEATURES)
        seen = run_case(Alone(subject), case, judging(frozenset()), batch=1)
        if alone == _words(seen):
            continue
        text = f"{feature} says something else when the other features are off"
        broken = Breach("toggle", "KV-41", text, 0, "toggle-others", alone, _words(seen))
        return Part("each by itself", _finding(check, seen, broken))
    return Part("each by itself")


def _said(subject: Subject, case: Case) -> str:
    return _words(run_case(Alone(subject), case, judging(frozenset()), batch=1))


def _words(seen: Observation) -> str:
    """The last answer, or the traces that were logged; empty if something failed."""
    if seen.violation is not None:
        return ""
    traces = [e.fields for e in seen.run.events() if e.fields.get("event") == "fault_trace"]
    value = seen.turns[-1].outcome.value
    text = value_text([value, *(f.get("frames") for f in traces)])
    return text if len(text) <= 400 else f"{text[:400]}…"


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
    seen.violation = broken
    case = counterexample_of(OPERATIONS, check, [seen.cut], seen)
    return finding_of(broken, case, failure_of(seen))
