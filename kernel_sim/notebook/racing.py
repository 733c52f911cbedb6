"""Allocation traces on the heap of this notebook, beside the heaps of the package."""

from kernel_sim.checks.heap_contest import REFERENCES, Entry, contest
from kernel_sim.notebook.quiet import quiet_while_loading
from kernel_sim.notebook.session import own_notebook
from kernel_sim.notebook.showing import Shown
from kernel_sim.traces import make_trace

HEAD = f"{'heap':<26}{'trace':<20}{'in use':>7}{'touches':>9}{'peak':>12}"


class Race(Shown):
    """One line for each heap and trace."""

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries

    def __repr__(self) -> str:
        return f"<{len(self.entries)} runs>"

    def text(self) -> str:
        """The table, and why a run is not valid."""
        return "\n".join([HEAD, *map(_line, self.entries)])


@quiet_while_loading
def race(*traces: str) -> Race:
    """Run traces on the heap of this notebook and on five others, and show what each made of them.

    *in use* is the most bytes in use at one time by the bytes that the heap held; *touches* are the
    accesses to memory for each request.

    Args:
        traces: names, such as ``'boot'``.

    Raises:
        InputError: there is no such trace.
    """
    chosen = [make_trace(name) for name in traces]
    shown = Race(list(contest([own_notebook(), *REFERENCES], chosen)))
    shown.show()
    return shown


def _line(entry: Entry) -> str:
    place = f"{entry.heap:<26}{entry.trace:<20}"
    if not entry.valid:
        return f"{place}{entry.problem}"
    kib = f"{entry.peak_bytes // 1024} KiB"
    return f"{place}{entry.utilization:>7.0%}{entry.cost:>9.1f}{kib:>12}"
