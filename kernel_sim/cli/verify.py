"""``ksim verify``: the page tables a kernel built, compared page by page with an x86 emulator."""

from typing import TYPE_CHECKING, Annotated

import typer

from kernel_sim.cli.role_options import AsJson, Machine, Plugin, Profile, chosen_roles
from kernel_sim.cli.screen import console, only_json, print_json
from kernel_sim.errors import InputError

if TYPE_CHECKING:
    from kernel_sim.conformance.verify import VerifyReport

app = typer.Typer(add_completion=False)
SHOWN = 20


@app.command()
def verify(  # noqa: PLR0913, PLR0917 - one parameter for each option
    profile: Profile = "kernel-v",
    machine: Machine = None,
    memmap: Plugin = None,
    pmm: Plugin = None,
    paging: Plugin = None,
    heap: Plugin = None,
    guard: Plugin = None,
    engine: Annotated[str, typer.Option(help="The emulator: unicorn or qemu.")] = "unicorn",
    as_json: AsJson = False,
) -> None:
    """Boot a profile and ask an x86 emulator whether it sees the same address space."""
    from kernel_sim.boot import boot  # noqa: PLC0415 - not for --help
    from kernel_sim.cli.progress import last  # noqa: PLC0415
    from kernel_sim.conformance.verify import verify as verify_machine  # noqa: PLC0415

    roles = chosen_roles(memmap=memmap, pmm=pmm, paging=paging, heap=heap, guard=guard)
    with only_json(as_json):
        result = boot(profile, machine, roles)
    if not result.machine.cpu.paging:
        raise InputError(
            f"the boot did not get as far as paging: {result.oops}", where=f"ksim verify {profile}"
        )
    report = last(
        verify_machine(result.machine, engine),
        "pages",
        lambda item: (item.pages_checked, item.pages),
        shown=not as_json,
    )
    if report is None:
        raise InputError("the tables map nothing")
    if as_json:
        print_json(report.as_json())
    else:
        _show(report)
    if report.divergences:
        raise typer.Exit(1)


def _show(report: "VerifyReport") -> None:
    out = console()
    out.print(
        f"{report.pages_checked} pages translated, {report.accesses} accesses tried, "
        f"by this machine and by {report.engine}."
    )
    if not report.divergences:
        out.print("Both see the same address space.")
        return
    out.print(f"They differ in {len(report.divergences)} places:")
    for line in report.divergences[:SHOWN]:
        out.print(f"  {line}", markup=False)
    if len(report.divergences) > SHOWN:
        out.print(f"  and {len(report.divergences) - SHOWN} more")
