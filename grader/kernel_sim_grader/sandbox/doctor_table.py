"""What `ksim doctor` prints."""

from rich.table import Table
from rich.text import Text

from kernel_sim.cli.screen import table
from kernel_sim_grader.sandbox.doctor import Diagnosis


def wall_table(found: Diagnosis) -> Table:
    """The attempts, wall by wall."""
    listing = table("wall", "a worker tried to", "stands", "answer")
    last = ""
    for item in found.walls:
        stands = Text("yes", style="green") if item.stands else Text("NO", style="bold red")
        answer = Text(item.answer.removeprefix("refused ")[:60])
        listing.add_row(item.wall if item.wall != last else "", item.tried, stands, answer)
        last = item.wall
    return listing
