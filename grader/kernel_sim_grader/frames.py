"""Length-prefixed frames over a socket: how the grader and a worker exchange bytes.

::

    ┌────────────────────┬──────────────────────────────┐
    │ length, 4 bytes BE │ payload, `length` bytes      │
    └────────────────────┴──────────────────────────────┘

The other end is not trusted: a length beyond the limit is refused before a byte of it is read, and
every send and receive has a deadline for the whole frame, so that trickled bytes gain nothing.
"""

import array
import select
import socket
import time
from collections.abc import Callable
from typing import Final

MAX_FRAME_BYTES: Final = 32 * 1024 * 1024
HEADER_BYTES: Final = 4


class FrameError(Exception):
    """The other end broke the framing, or went away."""


class EndOfStream(FrameError):  # noqa: N818 - an event: the other end has closed
    """The other end closed the connection."""


class DeadlineError(FrameError):
    """The other end did not answer in time."""


def send_frame(
    connection: socket.socket,
    payload: bytes,
    *,
    deadline: float | None = None,
    descriptors: tuple[int, ...] = (),
) -> None:
    """Send one frame; ``descriptors`` travel with its first byte (Unix).

    Args:
        connection: a stream socket.
        payload: at most `MAX_FRAME_BYTES`.
        deadline: on the clock of `time.monotonic`; None waits for ever.
        descriptors: open files to hand over.

    Raises:
        FrameError: the payload is too long, the other end has gone, or the deadline has passed.
    """
    if len(payload) > MAX_FRAME_BYTES:
        raise FrameError(f"a frame of {len(payload)} bytes; the limit is {MAX_FRAME_BYTES}")
    data = memoryview(len(payload).to_bytes(HEADER_BYTES, "big") + payload)
    try:
        if descriptors:
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
            data = data[connection.sendmsg([data], [rights]) :]
        while data:
            _set_timeout(connection, deadline)
            data = data[connection.send(data) :]
    except TimeoutError as error:
        raise DeadlineError("nothing was read in time") from error
    except OSError as error:
        raise EndOfStream(str(error)) from error


def receive_frame(
    connection: socket.socket,
    *,
    limit: int = MAX_FRAME_BYTES,
    deadline: float | None = None,
    while_waiting: Callable[[], None] | None = None,
) -> bytes:
    """The payload of the next frame.

    Args:
        connection: a stream socket.
        limit: longest payload that is accepted, in bytes.
        deadline: on the clock of `time.monotonic`, for the whole frame; None waits for ever.
        while_waiting: called about every 50 ms while nothing arrives; may raise to give up.

    Raises:
        FrameError: the frame is too long, the other end has gone, or the deadline has passed.
    """
    header = _receive_exactly(connection, HEADER_BYTES, deadline, while_waiting)
    length = int.from_bytes(header, "big")
    if length > limit:
        raise FrameError(f"a frame of {length} bytes was announced; the limit is {limit}")
    return _receive_exactly(connection, length, deadline, while_waiting)


def has_input(connection: socket.socket) -> bool:
    """Whether bytes (or the end of the stream) wait to be read."""
    return bool(select.select([connection], [], [], 0)[0])


def receive_with_descriptor(connection: socket.socket) -> tuple[bytes, int | None]:
    """One frame from a trusted sender, and the open file that came with it (Unix).

    Raises:
        FrameError: the other end has gone.
    """
    if not hasattr(socket, "SCM_RIGHTS"):
        return receive_frame(connection), None
    space = socket.CMSG_SPACE(array.array("i").itemsize)
    try:
        first, ancillary, _, _ = connection.recvmsg(HEADER_BYTES, space)
    except OSError as error:
        raise EndOfStream(str(error)) from error
    if not first:
        raise EndOfStream("the connection is closed")
    header = first + _receive_exactly(connection, HEADER_BYTES - len(first), None, None)
    payload = _receive_exactly(connection, int.from_bytes(header, "big"), None, None)
    return payload, _descriptor(ancillary)


def _descriptor(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    """The first open file among a message's ancillary data."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            numbers = array.array("i")
            numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
            return numbers[0]
    return None


def _receive_exactly(
    connection: socket.socket,
    length: int,
    deadline: float | None,
    while_waiting: Callable[[], None] | None,
) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        _wait(connection, deadline, while_waiting)
        try:
            part = connection.recv(min(length - len(parts), 1 << 16))
        except OSError as error:
            raise EndOfStream(str(error)) from error
        if not part:
            raise EndOfStream("the connection is closed")
        parts += part
    return bytes(parts)


def _wait(
    connection: socket.socket,
    deadline: float | None,
    while_waiting: Callable[[], None] | None,
) -> None:
    """Return when bytes can be read."""
    connection.settimeout(None)
    while True:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise DeadlineError("no answer in time")
        pause = left if while_waiting is None else min(0.05, 0.05 if left is None else left)
        if select.select([connection], [], [], pause)[0]:
            return
        if while_waiting is not None:
            while_waiting()


def _set_timeout(connection: socket.socket, deadline: float | None) -> None:
    if deadline is None:
        connection.settimeout(None)
        return
    left = deadline - time.monotonic()
    if left <= 0:
        raise DeadlineError("nothing was read in time")
    connection.settimeout(left)
