# attack: connect to a socket without a file
# wall: the net namespace, and the filter of system calls
# kind: reach
# expected_score: 2
"""Connect to a socket without a file."""

import socket

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    client = socket.socket(socket.AF_UNIX)
    client.connect("\0@ABSTRACT@")
    return []
