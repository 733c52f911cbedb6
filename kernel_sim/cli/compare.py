"""``ksim compare``: profiles and plugins side by side on the same workload."""

from typing import TYPE_CHECKING, Annotated

import typer

from kernel_sim.cli.role_options import AsJson, Machine
from kernel_sim.cli.screen import console, only_json, print_json, table

if TYPE_CHECKING:
    from kernel_sim.comparison import Row

app = typer.Typer(add_completion=False)


@app.command()
def compare(
    contenders: Annotated[
        list[str],
        typer.Argument(
            metavar="P...", help="Profiles, plugins, or such as kernel-v:heap=mine.py,pmm=mine.py."
        ),
    ],
    workload: Annotated[
        str, typer.Option(metavar="W", help="heap, frames, or boot for the boot alone.")
    ] = "heap",
    machine: Machine = None,
    as_json: AsJson = False,
) -> None:
    """Put profiles and plugins side by side on the same workload."""
    from kernel_sim.cli.progress import tracked  # noqa: PLC0415 - rich
    from kernel_sim.comparison import compared, contender  # noqa: PLC0415 - not for --help

    wanted = [contender(text) for text in contenders]
    with only_json(as_json):
        numbered = tracked(
            enumerate(wanted), "kernels", lambda at: (at[0], len(wanted)), shown=not as_json
        )
        rows = [compared(item, workload, machine) for _, item in numbered]
    if as_json:
        print_json({"workload": workload, "rows": [row.as_json() for row in rows]})
    else:
        _show(rows, workload)
    if any(row.problem for row in rows):
        raise typer.Exit(1)


def _show(rows: "list[Row]", workload: str) -> None:
    """One column for each kernel."""
    listing = table("", *(f"#{row.name}" for row in rows))
    for label, cells in _lines(rows):
        listing.add_row(label, *cells)
    console().print(listing)
    console().print(
        f"workload {workload}; touches and walks are for each request; the TLB evicts nothing",
        style="dim",
    )
    for row in rows:
        if row.problem:
            console().print(f"{row.name}: {row.problem}", markup=False)
        for reason, count in row.refused.items():
            console().print(f"{row.name}: {count} refused: {reason}", markup=False)


def _lines(rows: "list[Row]") -> list[tuple[str, list[str]]]:
    return [
        ("machine", [row.machine for row in rows]),
        ("boot steps", [str(row.steps) for row in rows]),
        ("events of the boot", [str(row.boot_events) for row in rows]),
        ("frames in use", [_known(row.frames_used) for row in rows]),
        ("frames of page tables", [str(row.table_frames) for row in rows]),
        ("mapped", [_size(row.mapped_bytes) for row in rows]),
        ("leaf entries", [str(row.pages) for row in rows]),
        ("TLB entries", [str(row.tlb_entries) for row in rows]),
        ("TLB reach", [_size(row.tlb_reach) for row in rows]),
        ("requests", [str(row.requests) for row in rows]),
        ("refused", [str(sum(row.refused.values())) for row in rows]),
        ("touches", [f"{row.touches:.1f}" for row in rows]),
        ("walks", [f"{row.walks:.2f}" for row in rows]),
        ("most bytes in use", [_most([s.heap_used for s in row.samples]) for row in rows]),
        ("most bytes free", [_most([s.heap_free for s in row.samples]) for row in rows]),
        ("faults", [str(row.faults) for row in rows]),
        ("survived", [str(row.survived) for row in rows]),
    ]


def _known(value: int | None) -> str:
    return "-" if value is None else str(value)


def _most(values: list[int | None]) -> str:
    known = [value for value in values if value is not None]
    return _size(max(known)) if known else "-"


def _size(count: int) -> str:
    """Bytes in the largest unit that leaves at least one of it."""
    for unit, shift in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if count >> shift:
            return f"{count / (1 << shift):.4g} {unit}"
    return f"{count} B"
