"""``ksim memlayout``: the live address space of a booted profile as ranges with flags (TH-27)."""

import typer

from kernel_sim.cli.role_options import AsJson, Machine, Plugin, Profile, chosen_roles
from kernel_sim.cli.screen import console, only_json, print_json, table

app = typer.Typer(add_completion=False)


@app.command()
def memlayout(  # noqa: PLR0913, PLR0917 - one parameter for each option
    profile: Profile = "kernel-v",
    machine: Machine = None,
    memmap: Plugin = None,
    pmm: Plugin = None,
    paging: Plugin = None,
    heap: Plugin = None,
    guard: Plugin = None,
    as_json: AsJson = False,
) -> None:
    """Boot a profile and show what its page tables map."""
    from kernel_sim.boot import boot  # noqa: PLC0415 - not for --help
    from kernel_sim.inspection import AddressSpace, sweep  # noqa: PLC0415

    roles = chosen_roles(memmap=memmap, pmm=pmm, paging=paging, heap=heap, guard=guard)
    with only_json(as_json):
        result = boot(profile, machine, roles)
    if result.oops is not None:
        console().print(str(result.oops), markup=False)
        raise typer.Exit(1)
    ranges = sweep(AddressSpace.of(result.machine))
    if as_json:
        print_json({"ranges": [item.as_json() for item in ranges]})
        return
    listing = table("#from", "#to", "#physical", "#size", "page", "rights")
    for item in ranges:
        listing.add_row(
            hex(item.start),
            hex(item.end),
            hex(item.physical),
            f"{item.length // 1024} KiB",
            f"{item.size // 1024} KiB",
            rights_words(int(item.flags)),
        )
    console().print(listing)


def rights_words(flags: int) -> str:
    """The rights in words: ``supervisor read write execute global uncached``."""
    words = ["user" if flags & 4 else "supervisor", "read"]
    words += ["write"] if flags & 2 else []
    words += [] if flags >> 63 else ["execute"]
    words += ["uncached"] if flags & 0x10 else []
    words += ["global"] if flags & 0x100 else []
    return " ".join(words)
