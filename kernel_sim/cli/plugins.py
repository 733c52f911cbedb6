"""``ksim plugins``: reference and installed plugins, their roles and requirements."""

import re
from typing import Annotated, Any, Final

import typer

from kernel_sim.cli.screen import console, print_json, table

app = typer.Typer(add_completion=False)

_REQUIREMENT: Final = re.compile(r"\b(KV|BD|BO|TH|MS)-(\d+)(?:(?: to |…|-)\1-(\d+))?")


@app.command()
def plugins(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """List the installed plugins."""
    rows = plugin_rows()
    if as_json:
        print_json({"plugins": rows})
        return
    listing = table("name", "roles", "other hooks", "origin", "requirements")
    for row in rows:
        listing.add_row(
            row["name"],
            " ".join(row["roles"]),
            " ".join(row["hooks"]),
            row["problem"] or row["origin"],
            " ".join(row["requirements"]),
        )
    console().print(listing)


def plugin_rows() -> list[dict[str, Any]]:
    """One row for each plugin; ``problem`` says why one does not load."""
    from kernel_sim.host.implementations import ROLE_OF_HOOK  # noqa: PLC0415 - not for --help
    from kernel_sim.loading import load_plugin, plugin_names  # noqa: PLC0415 - not for --help

    rows = []
    for name in plugin_names():
        plugin = load_plugin(name)
        hooks = {item.hook for item in plugin.implementations if item.hook not in ROLE_OF_HOOK}
        rows.append(
            {
                "name": name,
                "roles": list(plugin.roles),
                "hooks": sorted(hooks),
                "origin": getattr(plugin.plugin, "__name__", plugin.origin),
                "requirements": requirements(plugin.plugin),
                "problem": "; ".join(map(str, plugin.problems)),
            }
        )
    return rows


def requirements(plugin: object) -> list[str]:
    """The requirement ids that the docstrings of ``plugin`` name, ranges written out, in order."""
    texts = [plugin.__doc__ or ""]
    own = getattr(plugin, "__name__", "")
    texts += [
        value.__doc__ or ""
        for value in vars(plugin).values()
        if callable(value) and getattr(value, "__module__", "") == own
    ]
    found: set[tuple[str, int]] = set()
    for seed, first, last in _REQUIREMENT.findall(" ".join(texts)):
        found.update((seed, number) for number in range(int(first), int(last or first) + 1))
    return [f"{seed}-{number}" for seed, number in sorted(found)]
