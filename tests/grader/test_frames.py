"""Frames between processes: whole or refused, and always in time."""

import os
import socket
import time

import pytest

from kernel_sim_grader.frames import (
    MAX_FRAME_BYTES,
    DeadlineError,
    EndOfStream,
    FrameError,
    receive_frame,
    receive_with_descriptor,
    send_frame,
)


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(256)) * 300])
def test_a_frame_arrives_as_it_was_sent(pair, payload):
    ours, theirs = pair
    send_frame(ours, payload)
    assert receive_frame(theirs) == payload


def test_frames_keep_their_order_and_their_borders(pair):
    ours, theirs = pair
    send_frame(ours, b"one")
    send_frame(ours, b"two")
    assert [receive_frame(theirs), receive_frame(theirs)] == [b"one", b"two"]


def test_a_frame_that_is_too_long_is_refused_before_it_is_read(pair):
    ours, theirs = pair
    theirs.sendall((2**32 - 1).to_bytes(4, "big"))
    with pytest.raises(FrameError, match="limit"):
        receive_frame(ours)


def test_a_frame_that_is_too_long_is_not_sent(pair):
    ours, _ = pair
    with pytest.raises(FrameError, match="limit"):
        send_frame(ours, bytes(MAX_FRAME_BYTES + 1))


def test_trickled_bytes_do_not_extend_the_deadline(pair):
    ours, theirs = pair
    theirs.sendall((1000).to_bytes(4, "big"))
    start = time.monotonic()
    with pytest.raises(DeadlineError):
        receive_frame(ours, deadline=start + 0.2, while_waiting=lambda: theirs.sendall(b"x"))
    assert time.monotonic() - start < 2


def test_a_reader_that_never_reads_does_not_hold_up_the_sender(pair):
    ours, _ = pair
    with pytest.raises(DeadlineError):
        send_frame(ours, bytes(MAX_FRAME_BYTES), deadline=time.monotonic() + 0.1)


def test_a_closed_connection_ends_the_stream(pair):
    ours, theirs = pair
    theirs.sendall(b"\0\0")
    theirs.close()
    with pytest.raises(EndOfStream):
        receive_frame(ours)


@pytest.mark.skipif(not hasattr(socket, "SCM_RIGHTS"), reason="open files travel on Unix only")
def test_an_open_file_travels_with_its_frame(pair, tmp_path):
    ours, theirs = pair
    path = tmp_path / "shared"
    path.write_bytes(b"memory")
    with path.open("rb") as file:
        send_frame(ours, b"boot", descriptors=(file.fileno(),))
    payload, descriptor = receive_with_descriptor(theirs)
    try:
        assert (payload, os.read(descriptor, 10)) == (b"boot", b"memory")
    finally:
        os.close(descriptor)
