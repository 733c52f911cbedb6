"""What a student reads of one check, as text and as HTML: nothing is trusted, all is escaped."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

LEVELS: Final = ("nothing", "rule", "counterexample")
"""How much a hidden check may tell, from least to most."""
WORDS: Final = {
    "passed": "PASSED",
    "partly": "PARTLY PASSED",
    "failed": "FAILED",
    "errored": "COULD NOT BE CHECKED",
}
MARKS: Final = {"passed": "✔", "partly": "◐", "failed": "✘", "errored": "?"}
COLOURS: Final = {
    "passed": "#009E73",
    "partly": "#E69F00",
    "failed": "#D55E00",
    "errored": "#0072B2",
}
ERRORED: Final = (
    "Our own machinery failed here. It costs you nothing; your instructor sees it first."
)
HIDDEN: Final = {
    "nothing": "This check is hidden, and the course does not show what it found.",
    "rule": "This check is hidden; the course shows the rule that was broken, not the case.",
}
REPLAY: Final = "to play it again elsewhere, save this as case.json and run  ksim replay case.json"
MAX_CHARACTERS: Final = 20_000


def shown(check: Mapping[str, Any], level: str) -> dict[str, Any]:
    """The parts of a check's report that a student may read when hidden checks tell ``level``.

    Args:
        check: one entry of a lab report's ``checks``.
        level: one of `LEVELS`; ``counterexample`` for a visible check.
    """
    allowed = dict(check)
    if level == "counterexample" or check["status"] == "passed":
        return allowed
    allowed |= {"counterexample": None, "message": HIDDEN[level], "parts": []}
    if level == "nothing":
        allowed["rule"] = allowed["requirement"] = None
    return allowed


def as_text(check: Mapping[str, Any], replay_file: str = "") -> str:
    """The report of one check in lines.

    Args:
        check: its report.
        replay_file: where the replay lies; it is printed if it lies nowhere.
    """
    status = _status(check)
    lines = [
        f"{MARKS[status]} {WORDS[status]}  {points(check)}  {check['id']}"
        + (f": {check['title']}" if check.get("title") else "")
    ]
    lines += [f"{name}: {value}" for name, value in _facts(check)]
    case = check.get("counterexample")
    if case:
        lines.append("smallest case that shows it:")
        lines += [f"  {number}. {step}" for number, step in enumerate(_steps(case), start=1)]
        lines += [f"{name}:\n{_indented(value)}" for name, value in _values(case)]
        if case.get("line"):
            lines.append(f"to play it again in the notebook:  {case['line']}")
        if replay_file:
            lines.append(f"to play it again elsewhere:  ksim replay {replay_file}")
        elif case.get("replay"):
            lines += [REPLAY, _one_line(case["replay"])]
    return _cut("\n".join(lines))


def as_html(check: Mapping[str, Any]) -> str:
    """The same report as HTML, every text escaped."""
    status = _status(check)
    title = f": {escape(str(check['title']))}" if check.get("title") else ""
    style = f"border-left:6px solid {COLOURS[status]};padding:4px 12px;margin:4px 0"
    verdict = f"<strong>{MARKS[status]} {WORDS[status]}</strong> &nbsp; {escape(points(check))}"
    name = f"<code>{escape(str(check['id']))}</code>{title}"
    parts = [f'<div style="{style}">', f"<p>{verdict} &nbsp; {name}</p>"]
    parts += [f"<p>{escape(name)}: {_html(value)}</p>" for name, value in _facts(check)]
    case = check.get("counterexample")
    if case:
        parts.append(_case_html(case))
    return "\n".join([*parts, "</div>"])


def _status(check: Mapping[str, Any]) -> str:
    """A failed check that earned something is partly passed."""
    return "partly" if check["status"] == "failed" and check["points"] else str(check["status"])


def points(check: Mapping[str, Any]) -> str:
    """``12 of 15 points``."""
    return f"{check['points']:g} of {check['max_points']:g} points"


def _facts(check: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The named lines below the heading that have something to say."""
    rule = " ".join(str(check[key]) for key in ("requirement", "rule") if check.get(key))
    facts = [("broken rule", rule)] if rule and check["status"] != "passed" else []
    if check["status"] == "errored" and not check.get("cause"):
        facts.append(("reason", ERRORED))
    elif check.get("message"):
        facts.append(("what was found", _cut(str(check["message"]))))
    if check["points"]:
        wrong = [part["title"] for part in check.get("parts") or () if not part["passed"]]
        facts += [("lost points for", ", ".join(wrong))] if wrong else []
    return facts


def _steps(case: Mapping[str, Any]) -> list[str]:
    return [_one_line(step) for step in case.get("operations") or ()]


def _values(case: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the counterexample shows: its picture, or else what was expected and what came."""
    keys = ("picture",) if case.get("picture") else ("expected", "got")
    shown_as = {"picture": "expected and got, side by side"}
    return [(shown_as.get(key, key), _lines(case.get(key))) for key in keys]


def _case_html(case: Mapping[str, Any]) -> str:
    steps = "".join(f"<li><code>{escape(step)}</code></li>" for step in _steps(case))
    parts = [f"<p>smallest case that shows it:</p><ol>{steps}</ol>"] if steps else []
    parts += [
        f"<p>{escape(name)}:</p><pre>{escape(_cut(value))}</pre>" for name, value in _values(case)
    ]
    if case.get("line"):
        line = escape(_cut(str(case["line"])))
        parts.append(f"<p>to play it again in the notebook:</p><pre>{line}</pre>")
    if case.get("replay"):
        replay = escape(_cut(_one_line(case["replay"])))
        parts.append(f"<details><summary>{escape(REPLAY)}</summary><pre>{replay}</pre></details>")
    return "\n".join(parts)


def _lines(value: object) -> str:
    """A value for a person: a list one item a line."""
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence):
        return "\n".join(_one_line(item) for item in value)
    return _one_line(value)


def _one_line(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _html(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _cut(text: str) -> str:
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[:MAX_CHARACTERS]}\n… ({len(text) - MAX_CHARACTERS} characters more)"
