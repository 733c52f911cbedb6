# attack: connect to a socket in the file system
# wall: the file system: a root of its own with libraries and nothing else; the filter of system calls
# kind: reach
# expected_score: 2
"""Connect to a socket in the file system."""

import socket

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    client = socket.socket(socket.AF_UNIX)
    client.connect("@UNIX@")
    return []
