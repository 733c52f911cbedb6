"""The progress bar of grading: how many are done and how fast, and how long it may take."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class RateColumn(ProgressColumn):
    """How many are done in a second, or in a minute where that is more telling."""

    def render(self, task: Task) -> Text:
        """The rate; nothing before the first is done."""
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        return Text(f"{speed:.1f}/s" if speed >= 1 else f"{speed * 60:.0f}/min")


@contextlib.contextmanager
def grading_bar(
    what: str, total: int | None, *, shown: bool = True
) -> Iterator[Callable[[str], None]]:
    """A function to call with each name that is done; the bar is on standard error."""
    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("left"),
        TextColumn("[dim]{task.fields[name]}"),
    )
    with Progress(*columns, console=console, disable=not shown) as progress:
        task = progress.add_task(what, total=total, name="")
        yield lambda name: progress.update(task, advance=1, name=name)
