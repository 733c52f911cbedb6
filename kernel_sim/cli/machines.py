"""``ksim machines``: the presets and the real firmware maps, and who boots there."""

from typing import Annotated, Any

import typer

from kernel_sim.cli.screen import console, print_json, table

app = typer.Typer(add_completion=False)


@app.command()
def machines(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """List the presets and the real firmware maps."""
    rows = machine_rows()
    if as_json:
        print_json({"machines": rows})
        return
    listing = table("name", "#memory", "firmware", "#entries", "boots", "what it is")
    for row in rows:
        listing.add_row(
            row["name"],
            _size(row["ram_bytes"]),
            row["firmware"],
            str(row["entries"]),
            boots(row["bootable"]),
            row["title"],
        )
    console().print(listing)


def machine_rows() -> list[dict[str, Any]]:
    """One row for each machine; ``bootable`` maps a profile to true, or to the reason why not."""
    from kernel_sim.machine import machine_names, machine_spec  # noqa: PLC0415 - not for --help
    from kernel_sim.profiles import profile_names  # noqa: PLC0415 - not for --help

    rows = []
    for name in machine_names():
        spec = machine_spec(name)
        rows.append(
            {
                "name": spec.name,
                "ram_bytes": spec.ram_bytes,
                "firmware": spec.firmware,
                "entries": len(spec.entries),
                "title": spec.title,
                "bootable": {who: spec.bootable(who) or True for who in profile_names()},
            }
        )
    return rows


def boots(bootable: dict[str, str | bool]) -> str:
    """The profiles that boot, or why the first of them does not."""
    names = [who for who, reason in bootable.items() if reason is True]
    return ", ".join(names) if names else f"no: {next(iter(bootable.values()))}"


def _size(size_bytes: int) -> str:
    """``size_bytes`` in the largest unit that leaves at least one, to a decimal place."""
    units = (("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))
    for unit, factor in units:
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes} B"
