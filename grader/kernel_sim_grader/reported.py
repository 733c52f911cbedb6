"""A failure as it crosses the channel, and back."""

from typing import Final

import msgspec

from kernel_sim.checks.bench import FAILURE_KINDS, Failure
from kernel_sim_grader.plain import MismatchError

MAX_TEXT: Final = 4000
"""A longer text of a worker's is cut."""


class Reported(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A failure in a worker; the fields are those of `kernel_sim.checks.bench.Failure`."""

    kind: str
    error: str
    reason: str
    message: str
    hook: str
    line: int | None
    source_line: str


def reported(failure: Failure | None) -> Reported | None:
    """``failure`` as a message."""
    if failure is None:
        return None
    return Reported(
        failure.kind,
        _text(failure.error),
        _text(failure.reason),
        _text(failure.message),
        failure.hook,
        failure.line,
        _text(failure.source_line),
    )


def failure_of(message: Reported | None) -> Failure | None:
    """The failure in a message, its texts cut.

    Raises:
        MismatchError: its kind is none.
    """
    if message is None:
        return None
    if message.kind not in FAILURE_KINDS:
        raise MismatchError(f"a failure of the kind {_text(message.kind)!r}")
    return Failure(
        message.kind,
        _text(message.error),
        _text(message.reason),
        _text(message.message),
        _text(message.hook),
        message.line,
        _text(message.source_line),
    )


def _text(text: object) -> str:
    """At most `MAX_TEXT` characters that UTF-8 can hold."""
    return str(text)[:MAX_TEXT].encode("utf-8", "replace").decode()
