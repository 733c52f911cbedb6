"""A progress bar on standard error for work that yields growing reports."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")


def last(
    work: Iterable[T], what: str, done_of: Callable[[T], tuple[int, int]], *, shown: bool
) -> T | None:
    """The last report of ``work``, with a bar meanwhile; None if there was none."""
    result = None
    for item in tracked(work, what, done_of, shown=shown):
        result = item
    return result


def tracked(
    work: Iterable[T], what: str, done_of: Callable[[T], tuple[int, int]], *, shown: bool
) -> Iterator[T]:
    """``work`` as it is; a bar over ``done_of`` (done, all) if ``shown`` and a terminal."""
    console = Console(stderr=True)
    if not shown or not console.is_terminal:
        yield from work
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=None)
        for item in work:
            done, total = done_of(item)
            progress.update(task, completed=done, total=total)
            yield item
