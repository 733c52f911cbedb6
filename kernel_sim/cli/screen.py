"""Output: tables for people, one JSON document for programs."""

import contextlib
import json
import sys
from collections.abc import Iterator
from functools import cache

from rich import box
from rich.console import Console
from rich.table import Table


@cache
def console() -> Console:
    """The terminal on standard output; not too narrow when it is a pipe."""
    wide = None if sys.stdout.isatty() else 120
    return Console(highlight=False, width=wide)


def table(*columns: str) -> Table:
    """An empty table; a column whose name starts with ``#`` holds numbers."""
    listing = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        justify = "right" if name.startswith("#") else "left"
        listing.add_column(name.removeprefix("#"), justify=justify, overflow="fold")  # type: ignore[arg-type] # the two are both allowed
    return listing


def print_json(document: object) -> None:
    """The one document on standard output."""
    sys.stdout.write(json.dumps(document, indent=1) + "\n")


@contextlib.contextmanager
def only_json(wanted: bool) -> Iterator[None]:
    """While a plugin runs, send what it prints to standard error if standard output is for JSON."""
    if wanted:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    else:
        yield
