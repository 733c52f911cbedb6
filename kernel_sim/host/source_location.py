"""Where in a student's own source an error came up: never our frames, never those of libraries."""

import linecache
import sys
import sysconfig
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, TracebackType
from typing import Final

OUR_FOLDER: Final = str(Path(__file__).parents[1])
_PATHS: Final = sysconfig.get_paths()
_HEADER_LINES: Final = 20
"""Decorators and blank lines above a ``def`` are looked through this far."""
_LIBRARY_FOLDERS: Final = tuple(
    _PATHS[key] for key in ("stdlib", "platstdlib", "purelib", "platlib") if key in _PATHS
)


@dataclass(frozen=True, slots=True)
class Location:
    """A file or a notebook's cell, a line in it from 1, and the function that the line is in.

    Line 0 is unknown; so is an empty function.
    """

    file: str = ""
    line: int = 0
    source_line: str = ""
    function: str = ""

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}" if self.line else self.file


def locate(trace: TracebackType | None, files: AbstractSet[str] = frozenset()) -> Location:
    """The innermost line of ``trace`` that belongs to ``files``, or else to nobody's library.

    Args:
        trace: the traceback of the error.
        files: file names of the plugin that ran.
    """
    lines = list(_frames(trace))
    for file, line, function in reversed(lines):
        if file in files:
            return at(file, line, function)
    for file, line, function in reversed(lines):
        if not is_library(file):
            return at(file, line, function)
    return Location()


def at(file: str, line: int, function: str = "") -> Location:
    """The location with its source line."""
    return Location(shown_name(file), line, linecache.getline(file, line).strip(), function)


def definition(code: CodeType) -> tuple[str, int]:
    """File and line of a function's ``def``, below its decorators; its first line otherwise."""
    file, first = code.co_filename, code.co_firstlineno
    for number in range(first, first + _HEADER_LINES):
        if linecache.getline(file, number).lstrip().startswith(("def ", "async def ")):
            return file, number
    return file, first


def shown_name(file: str) -> str:
    """``file`` as a person knows it: a cell of the running notebook by its number."""
    interactive = sys.modules.get("IPython")
    shell = interactive.get_ipython() if interactive is not None else None
    if shell is None:
        return file
    name = getattr(shell.compile, "format_code_name", lambda _: None)(file)
    return " ".join(name) if name else file


def _frames(trace: TracebackType | None) -> Iterator[tuple[str, int, str]]:
    while trace is not None:
        code = trace.tb_frame.f_code
        yield code.co_filename, trace.tb_lineno, code.co_name
        trace = trace.tb_next


def is_library(file: str) -> bool:
    """Whether ``file`` is ours, Python's or an installed package's."""
    if Path(file).parent.name == "kernel_sim_grader":
        return True
    return file.startswith((OUR_FOLDER, "<frozen", "<kernel_sim", "<string>", *_LIBRARY_FOLDERS))
