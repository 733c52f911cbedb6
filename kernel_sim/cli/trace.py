"""``ksim trace heap``: an allocation trace on a heap, beside the heaps of the package."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from kernel_sim.cli.role_options import AsJson
from kernel_sim.cli.screen import console, only_json, print_json, table

if TYPE_CHECKING:
    from kernel_sim.checks.heap_contest import Entry
    from kernel_sim.traces import AllocationTrace

app = typer.Typer(add_completion=False, no_args_is_help=True)

FIRST_FIT: Final = "kernel_v_heap"


@app.callback()
def trace() -> None:
    """Run allocation traces on a heap."""


@app.command()
def heap(
    file: Annotated[
        str | None,
        typer.Argument(metavar="[TRACE]", help="A .rep file, or a name; without, all our traces."),
    ] = None,
    plugin: Annotated[
        str, typer.Option("--heap", metavar="PLUGIN", help="Name, .py or .ipynb.")
    ] = FIRST_FIT,
    seed: Annotated[int, typer.Option(help="Of the traces that are generated.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Run allocation traces on a heap, beside the heaps of the package.

    TRACE is a .rep file of the CS:APP malloc lab, or the name of one of our own traces.
    """
    from kernel_sim.checks.heap_contest import REFERENCES, entry  # noqa: PLC0415 - not for --help
    from kernel_sim.cli.progress import tracked  # noqa: PLC0415 - rich

    traces = _traces(file, seed)
    peers = [] if as_json and file else [name for name in REFERENCES if name != plugin]
    pairs = [(source, item) for source in (plugin, *peers) for item in traces]
    entries: list[Entry] = []
    with only_json(as_json):
        counted = tracked(
            enumerate(pairs), "traces", lambda at: (at[0], len(pairs)), shown=not as_json
        )
        entries += [entry(source, item) for _, (source, item) in counted]
    own = entries[: len(traces)]
    if as_json:
        print_json(own[0].as_json() if file else {"rows": [item.as_json() for item in entries]})
    else:
        _show(entries, own)
    if not all(item.valid for item in own):
        raise typer.Exit(1)


def _traces(file: str | None, seed: int) -> "list[AllocationTrace]":
    """The traces that ``file`` names."""
    from kernel_sim.traces import TRACES, make_trace, read_rep  # noqa: PLC0415 - not for --help

    if file is None:
        return [make_trace(name, seed) for name in TRACES]
    if file in TRACES or not ("." in file or "/" in file or Path(file).exists()):
        return [make_trace(file, seed)]
    return [read_rep(Path(file))]


def _show(entries: "list[Entry]", own: "list[Entry]") -> None:
    """One row for each heap and trace; of several traces the mean for each of the other heaps."""
    listing = table("heap", "trace", "#requests", "#utilization", "#touches", "#walks", "#peak")
    for item in own:
        listing.add_row(*_cells(item))
    others = entries[len(own) :]
    if len(own) > 1:
        listing.add_section()
        for name in dict.fromkeys(item.heap for item in entries):
            listing.add_row(*_mean([item for item in entries if item.heap == name]))
    else:
        for item in others:
            listing.add_row(*_cells(item))
    console().print(listing)
    console().print("touches: loads and stores for each request    walks: TLB misses", style="dim")
    for item in own:
        if item.problem:
            console().print(f"{item.trace}: {item.problem}", markup=False)


def _cells(item: "Entry") -> tuple[str, ...]:
    full = f"{item.utilization:.0%}" if item.valid else "not valid"
    peak = f"{item.peak_bytes // 1024} KiB"
    cost = f"{item.cost:.1f}"
    return item.heap, item.trace, str(item.operations), full, cost, str(item.walks), peak


def _mean(items: "list[Entry]") -> tuple[str, ...]:
    count = len(items)
    full = f"{sum(item.utilization for item in items) / count:.0%}"
    cost = f"{sum(item.cost for item in items) / count:.1f}"
    walks = str(round(sum(item.walks for item in items) / count))
    return items[0].heap, f"mean of {count}", "", full, cost, walks, ""
