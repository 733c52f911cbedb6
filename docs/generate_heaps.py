"""Writes docs/reference/heaps.md: how full the heaps of the package keep memory, at which cost.

``python docs/generate_heaps.py``; ``--check`` writes nothing and ends with status 1 if the page is
not what would be written. The figures are the same on every machine: nothing in them is time.
"""

import sys
from pathlib import Path
from typing import Final

from kernel_sim.checks.heap_contest import REFERENCES, Entry, contest
from kernel_sim.traces import TRACES, make_trace
from kernel_sim.traces.catalogue import describe

PAGE: Final = Path(__file__).parent / "reference" / "heaps.md"
TITLES: Final = ("first fit", "best fit", "segregated lists", "buddy", "bump")
HEAD: Final = """\
# Heaps side by side

Written by `make docs`. Five heaps of `kernel-v`, each on the traces of `ksim trace heap`, with
seed 0. A cell is the utilization, which is the most bytes in use at one time by the bytes of the
pages that the heap held, and behind it the touches: loads and stores for each request. A trace that
a heap can't serve counts with a utilization of 0.
"""


def page() -> str:
    """The whole page."""
    traces = [make_trace(name) for name in TRACES]
    columns = [list(contest([heap], traces)) for heap in REFERENCES]
    lines = [HEAD, "| | " + " | ".join(TITLES) + " |", "|---" * (len(TITLES) + 1) + "|"]
    lines += [
        f"| `{name}` | " + " | ".join(cell([column[row]]) for column in columns) + " |"
        for row, name in enumerate(TRACES)
    ]
    lines += [f"| **mean** | {' | '.join(map(cell, columns))} |", "", "## The traces", ""]
    lines += [f"- `{name}`: {describe(name)}" for name in TRACES]
    names = zip(TITLES, REFERENCES, strict=True)
    lines += ["", "The plugins: " + ", ".join(f"{t} `{heap}`" for t, heap in names) + "."]
    return "\n".join(lines) + "\n"


def cell(entries: list[Entry]) -> str:
    """The means of some runs."""
    count = len(entries)
    utilization = sum(entry.utilization for entry in entries) / count
    cost = sum(entry.cost for entry in entries) / count
    return f"{utilization:.0%}, {cost:.1f}"


def main() -> None:
    """Write the page, or compare it."""
    if "--check" in sys.argv[1:]:
        sys.exit(PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
