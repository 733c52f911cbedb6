"""A boot for people: steps, regions, frames, the screen in a box, tests, faults, the oops."""

from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from kernel_sim.cli.screen import console, table
from kernel_sim.host.oops import Oops


def show_boot(document: dict[str, Any], oops: Oops | None) -> None:
    """Print the document of ``ksim boot --json`` as tables."""
    console().print(_heading(document))
    console().print(_regions(document["regions"]))
    console().print(_frames(document))
    screen = Text("\n".join(document["screen"]))
    console().print(Panel(screen, title="VGA", width=84, border_style="dim"))
    console().print(Group(*_results(document)))
    if oops is not None:
        console().print(Text(str(oops), style="red"))


def _heading(document: dict[str, Any]) -> Text:
    heading = Text(f"{document['profile']} on {document['machine']}, seed {document['seed']}\n")
    for step in document["steps"]:
        mark, style = ("✓", "green") if step["ok"] else ("✗", "red")
        heading.append(f"{mark} {step['name']}  ", style=style)
    for role, plugin in document["roles"].items():
        heading.append(f"\n  {role:8} {plugin}", style="dim")
    return heading


def _regions(regions: list[dict[str, Any]]) -> Table:
    listing = table("#base", "#end", "#bytes", "kind")
    for region in regions:
        base, length = region["base"], region["length"]
        listing.add_row(f"{base:#x}", f"{base + length:#x}", f"{length:,}", region["kind"])
    return listing


def _frames(document: dict[str, Any]) -> Text:
    frames = document["frames"]
    lines = [f"frames: {frames['usable']:,} usable below {document['physical_limit']:#x}"]
    if frames["total"] is not None:
        counted = (f"{name} {frames[name]:,}" for name in ("total", "used", "free"))
        lines.append("allocator: " + ", ".join(counted))
    if document["first_frames"]:
        lines.append("first frames: " + " ".join(f"{at:#x}" for at in document["first_frames"]))
    return Text("\n".join(lines))


def _results(document: dict[str, Any]) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for test in document["selftests"]:
        style, word = ("green", "passed") if test["passed"] else ("red", "FAILED")
        lines.append(Text(f"self-test {test['name']}: {word}  {test['detail']}", style=style))
    for fault in document["faults"]:
        place = "" if fault.get("address") is None else f" at {fault['address']:#x}"
        lines.append(Text(f"fault {fault.get('name', '')}{place}, ip {fault.get('ip', 0):#x}"))
    lines += [
        Text(f"{problem['plugin']}: {problem['message']}", style="yellow")
        for problem in document["problems"]
    ]
    lines.append(Text(f"trace {document['trace_hash'][:16]}", style="dim"))
    return lines
