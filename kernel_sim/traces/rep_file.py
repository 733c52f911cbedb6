"""Reading and writing ``.rep`` files, the form of allocation traces in CS:APP's malloc lab.

::

    20000        a suggestion for the heap's size, not used
    2            number of blocks, counted from 0
    4            number of requests
    1            weight, not used
    a 0 512      allocate block 0 with 512 bytes
    a 1 128
    r 0 640      resize it: allocate, copy, free
    f 1          free block 1

References: R. E. Bryant, D. R. O'Hallaron, Computer Systems: A Programmer's Perspective, 9.9.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kernel_sim.errors import InputError
from kernel_sim.traces.allocation_trace import ALLOCATE, FREE, RESIZE, AllocationTrace, Request

HEADER_LINES: Final = 4
MOST_REQUESTS: Final = 1_000_000
MOST_BYTES: Final = 64 << 20


def read_rep(path: Path) -> AllocationTrace:
    """The trace in a file; its name is the file's.

    Raises:
        InputError: the file can't be read, or names the line that is wrong.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError("too large for a trace", where=str(path), expected="below 64 MiB")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(error.strerror or str(error), where=str(path)) from error
    except UnicodeDecodeError as error:
        raise InputError("is no text", where=str(path), expected="a .rep file") from error
    return parse_rep(text, path.stem, where=str(path))


def parse_rep(text: str, name: str, where: str = "trace") -> AllocationTrace:
    """The trace that ``text`` holds.

    Raises:
        InputError: names the line that is wrong.
    """
    lines = [(n, x.split()) for n, x in enumerate(text.splitlines(), start=1) if x.strip()]
    header = [words for _, words in lines[:HEADER_LINES]]
    if len(header) < HEADER_LINES or not all(len(w) == 1 and w[0].isdecimal() for w in header):
        expected = "four numbers, a line each: heap size, blocks, requests, weight"
        raise InputError("no header", where=where, expected=expected)
    blocks, count = int(header[1][0]), int(header[2][0])
    if count != len(lines) - HEADER_LINES or count > MOST_REQUESTS:
        found = len(lines) - HEADER_LINES
        raise InputError(f"{found} requests", where=where, expected=f"{count}, as the header says")
    return AllocationTrace(name, tuple(_requests(lines[HEADER_LINES:], blocks, where)))


def _requests(lines: list[tuple[int, list[str]]], blocks: int, where: str) -> Iterator[Request]:
    live: set[int] = set()
    for number, words in lines:
        place = f"{where}:{number}"
        request = _request(words, blocks, place)
        if (request.kind == ALLOCATE) == (request.block in live):
            state = "in use already" if request.kind == ALLOCATE else "not in use"
            raise InputError(f"block {request.block} is {state}", where=place)
        if request.kind == FREE:
            live.remove(request.block)
        else:
            live.add(request.block)
        yield request


def _request(words: list[str], blocks: int, where: str) -> Request:
    """One line's request.

    Raises:
        InputError: it is none.
    """
    sizes = {ALLOCATE: 3, RESIZE: 3, FREE: 2}
    numbers = words[1:]
    if sizes.get(words[0]) != len(words) or not all(word.isdecimal() for word in numbers):
        expected = "a BLOCK SIZE, r BLOCK SIZE or f BLOCK"
        raise InputError(f"{' '.join(words)!r}", where=where, expected=expected)
    request = Request(words[0], *map(int, numbers))
    if request.block >= blocks:
        raise InputError(f"block {request.block}", where=where, expected=f"0 to {blocks - 1}")
    if request.size >> 32:
        raise InputError(f"{request.size} bytes", where=where, expected="less than 4 GiB")
    return request


def rep_text(trace: AllocationTrace) -> str:
    """The trace as the text of a ``.rep`` file."""
    blocks = max((request.block for request in trace.requests), default=-1) + 1
    lines = [str(trace.peak_payload), str(blocks), str(len(trace)), "1"]
    for request in trace.requests:
        size = f" {request.size}" if request.kind != FREE else ""
        lines.append(f"{request.kind} {request.block}{size}")
    return "\n".join(lines) + "\n"
