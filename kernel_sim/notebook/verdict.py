"""What a check said of the notebook's own functions, as a student reads it."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from kernel_sim.checks.concepts import CASELESS
from kernel_sim.notebook.showing import Shown
from kernel_sim.views.screen import MONOSPACE

MARKS: Final = {"passed": "✓", "failed": "✗", "errored": "!"}
COLORS: Final = {"passed": "#009E73", "failed": "#D55E00", "errored": "#56B4E9"}
BOX: Final = (
    "border-left:5px solid {};padding:4px 12px;margin:6px 0;background:#f7f7f7;color:#1a1a1a;"
    "font-family:system-ui,sans-serif;font-size:13px"
)
CODE: Final = (
    f"white-space:pre-wrap;margin:4px 0;background:none;color:#1a1a1a;font-size:12px;{MONOSPACE}"
)


def html_box(status: str, lines: Sequence[str], more: str = "") -> str:
    """A box in the colour of ``status``: heading, sentence, the rest as it stands, then ``more``.

    ``lines`` are escaped here; ``more`` is HTML already.
    """
    parts = [f"<b>{escape(lines[0])}</b>"]
    if lines[1:2] and lines[1]:
        parts.append(f"<br>{escape(lines[1])}")
    if lines[2:]:
        parts.append(f'<pre style="{CODE}">{escape(chr(10).join(lines[2:]))}</pre>')
    return f'<div style="{BOX.format(COLORS[status])}">{"".join(parts)}{more}</div>'


class Verdict(Shown):
    """One check's result: ``passed``, and when it failed the smallest failing case.

    Args:
        check: the check's entry of the report, as plain data (the fields of ``ksim check --json``).
        drawing: SVG of the failing case; empty where there is none.
    """

    def __init__(self, check: Mapping[str, Any], drawing: str = "") -> None:
        self.check = check
        self.drawing = drawing

    @property
    def status(self) -> str:
        """``'passed'``, ``'failed'`` or ``'errored'``: the check itself went wrong."""
        return str(self.check["status"])

    @property
    def passed(self) -> bool:
        """Whether nothing wrong was found; a check that went wrong itself finds nothing."""
        return self.status != "failed"

    @property
    def message(self) -> str:
        """One line: what is wrong; empty when nothing is."""
        return str(self.check["message"] or "")

    @property
    def counterexample(self) -> Mapping[str, Any]:
        """The failing case as plain data, empty when there is none; `replay` takes it."""
        return self.check.get("counterexample") or {}

    @property
    def has_case(self) -> bool:
        """Whether there is a case to look at: not if the hook is not there, or not written."""
        return bool(self.counterexample) and self.check.get("concept") not in CASELESS

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"<{self.check['id']}: {self.status}>"

    def heading(self) -> str:
        """Mark, id, status, points, and the requirement that was missed."""
        points = f"{self.check['points']:g} of {self.check['max_points']:g} points"
        requirement = self.check.get("requirement")
        missed = f" ({requirement})" if requirement else ""
        return f"{MARKS[self.status]} {self.check['id']}: {self.status}, {points}{missed}"

    def short_lines(self) -> list[str]:
        """Heading, and the message if there is one."""
        return [self.heading(), self.message] if self.message else [self.heading()]

    def case_lines(self) -> list[str]:
        """The failing case: pictures of it in text, and how to play it again."""
        case = self.counterexample if self.has_case else {}
        again = [f"Play it again: {case['line']}"] if case.get("line") else []
        return [*str(case.get("picture") or "").splitlines(), *again]

    def text(self) -> str:
        """Heading, message, the failing case and the line that plays it again."""
        heading, *rest = [*self.short_lines(), *self.case_lines()]
        return "\n".join([heading, *(f"    {line}" for line in rest)])

    def pictures(self) -> Mapping[str, str]:
        """The same in HTML, a failing map also drawn."""
        more = f'<div style="overflow-x:auto">{self.drawing}</div>' if self.drawing else ""
        lines = [self.heading(), self.message, *self.case_lines()]
        return {"text/html": html_box(self.status, lines, more)}
