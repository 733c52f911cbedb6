"""Writes docs/reference/cli.md from the commands themselves: ``python docs/generate_cli.py``.

``--check`` writes nothing and ends with status 1 if the page is not what would be written.
"""

import sys
from pathlib import Path
from typing import Final

import typer
from typer.cli import get_docs_for_click
from typer.main import get_command

from kernel_sim.cli.commands import COMMANDS, GRADER_COMMANDS, command_names, load_app

PAGE: Final = Path(__file__).parent / "reference" / "cli.md"
HEAD: Final = """\
# The command line

Written by `make docs` from the commands themselves.

Exit status: 0 done; 1 judged and found wanting, such as a failed check or a divergence; 2 wrong
usage or bad input, told in one line; 130 stopped by Ctrl-C. With `--json` standard output holds one
JSON document and nothing else.
"""
OF_THE_GRADER: Final = "*Comes with the package kernel-sim-grader.*\n"


def page() -> str:
    """The whole page."""
    grader = [name for name in GRADER_COMMANDS if name in command_names()]
    parts = [HEAD, *map(_section, COMMANDS), *(_section(n, OF_THE_GRADER) for n in grader)]
    return "\n".join(part.rstrip() + "\n" for part in parts)


def _section(name: str, remark: str = "") -> str:
    command = get_command(load_app(name))
    text: str = get_docs_for_click(
        obj=command, ctx=typer.Context(command), name=f"ksim {name}", indent=1
    )
    title, _, rest = text.partition("\n")
    return f"{title}\n\n{remark}{rest}" if remark else text


def main() -> None:
    """Write the page, or compare it."""
    if "--check" in sys.argv[1:]:
        sys.exit(PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
