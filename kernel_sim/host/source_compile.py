"""Compile a student's source: reports can quote its lines, warnings stay off the screen."""

import linecache
import warnings
from functools import lru_cache
from types import CodeType


def compile_source(source: str, name: str) -> CodeType:
    """The code of ``source``, known to tracebacks as ``name``.

    Raises:
        SyntaxError, ValueError: as ``compile`` does.
    """
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    return _code(source, name)


@lru_cache(maxsize=64)
def _code(source: str, name: str) -> CodeType:
    """Kept for a while: checks load the same plugin many times, and code never changes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(source, name, "exec", dont_inherit=True)


def compiles(source: str) -> bool:
    """Whether ``source`` is Python."""
    try:
        compile_source(source, "<kernel_sim try>")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
