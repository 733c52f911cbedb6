"""``ksim conformance``: the MMU against an x86 emulator on random page tables and accesses."""

from typing import TYPE_CHECKING, Annotated

import typer

from kernel_sim.cli.role_options import AsJson
from kernel_sim.cli.screen import console, print_json, table
from kernel_sim.errors import InputError
from kernel_sim.nearest import unknown_name

if TYPE_CHECKING:
    from kernel_sim.conformance.campaign import Report

app = typer.Typer(add_completion=False)


@app.command()
def conformance(
    mode: Annotated[
        str | None, typer.Option(help="32, pae, 4level or 5level; all of them if not given.")
    ] = None,
    accesses: Annotated[int, typer.Option(help="How many random accesses in each mode.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Of the random tables.")] = 0,
    engine: Annotated[str, typer.Option(help="The emulator: unicorn or qemu.")] = "unicorn",
    as_json: AsJson = False,
) -> None:
    """Compare the MMU with an x86 emulator on random page tables and accesses."""
    from kernel_sim.machine.paging_modes import PAGING_MODES  # noqa: PLC0415 - not for --help

    if accesses < 1:
        raise InputError(f"{accesses} accesses", where="--accesses", expected="at least 1")
    if mode is not None and mode not in PAGING_MODES:
        raise unknown_name("paging mode", mode, PAGING_MODES)
    reports = [
        _campaign(engine, name, accesses, seed, shown=not as_json)
        for name in PAGING_MODES
        if mode in (None, name)
    ]
    if as_json:
        print_json(_document(mode, reports))
    else:
        _show(reports)
    if any(report.divergences for report in reports):
        raise typer.Exit(1)


def _campaign(engine: str, mode: str, accesses: int, seed: int, *, shown: bool) -> "Report":
    from kernel_sim.cli.progress import last  # noqa: PLC0415
    from kernel_sim.conformance.campaign import Report, run  # noqa: PLC0415
    from kernel_sim.conformance.model_engine import ModelEngine  # noqa: PLC0415
    from kernel_sim.conformance.qemu_engine import QemuEngine  # noqa: PLC0415
    from kernel_sim.conformance.unicorn_engine import UnicornEngine  # noqa: PLC0415
    from kernel_sim.machine.paging_modes import PAGING_MODES  # noqa: PLC0415

    engines = {"unicorn": UnicornEngine, "qemu": QemuEngine}
    if engine not in engines:
        raise unknown_name("engine", engine, engines)
    emulator = engines[engine](PAGING_MODES[mode])
    try:
        report = last(
            run(mode, accesses, seed, emulator, ModelEngine()),
            mode,
            lambda item: (item.accesses, accesses),
            shown=shown,
        )
    finally:
        emulator.close()
    return report or Report(mode)


def _document(mode: str | None, reports: "list[Report]") -> dict[str, object]:
    """One mode's report, or all of them summed up with one part for each."""
    if mode is not None:
        return reports[0].as_json()
    return {
        "mode": "all",
        "accesses": sum(report.accesses for report in reports),
        "divergences": [
            {"mode": report.mode, **found}
            for report in reports
            for found in report.as_json()["divergences"]  # type: ignore[attr-defined] # a list
        ],
        "modes": [report.as_json() for report in reports],
    }


def _show(reports: "list[Report]") -> None:
    from kernel_sim.conformance.divergences import KNOWN  # noqa: PLC0415

    listing = table("mode", "#accesses", "#of them faults", "#divergences")
    for report in reports:
        listing.add_row(
            report.mode, str(report.accesses), str(report.faults), str(len(report.divergences))
        )
    out = console()
    out.print(listing)
    for report in reports:
        for item in report.divergences[:10]:
            out.print(f"{report.mode}: {item}", markup=False)
    out.print("Known differences of the emulators, each taken account of:")
    for known in KNOWN:
        out.print(f"  {known.name} ({known.engine}, {known.handling}): {known.what}", markup=False)
