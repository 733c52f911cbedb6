"""The VGA text screen: as text in a frame, and as HTML whose text a screen reader can read."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

MONOSPACE: Final = "font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"
STYLE: Final = (
    "background:#101418;color:#e6e6e6;padding:10px 14px;border-radius:6px;line-height:1.25;"
    "font-size:13px;display:inline-block;margin:4px 0;overflow-x:auto;max-width:100%;"
    f"box-sizing:border-box;{MONOSPACE}"
)


@dataclass(frozen=True, slots=True)
class Screen:
    """What stands on the screen: up to 25 lines of up to 80 characters."""

    lines: Sequence[str]

    def shown_lines(self) -> list[str]:
        """The lines without blanks at their ends and without empty lines after the last text."""
        lines = [
            "".join(c if c.isprintable() else " " for c in line).rstrip() for line in self.lines
        ]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def text(self) -> str:
        """The screen in a frame of line characters."""
        lines = self.shown_lines() or ["(the screen is empty)"]
        width = max(len(line) for line in lines)
        rule = "─" * (width + 2)
        body = [f"│ {line:<{width}} │" for line in lines]
        return "\n".join([f"┌{rule}┐", *body, f"└{rule}┘"])

    def html(self) -> str:
        """The screen as light text on dark ground."""
        body = escape("\n".join(self.shown_lines()) or "(the screen is empty)")
        return f'<pre aria-label="VGA text screen" style="{STYLE}">{body}</pre>'
