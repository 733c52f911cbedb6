# attack: connect to a port of this machine
# wall: the net namespace, and the filter of system calls
# kind: reach
# expected_score: 2
"""Connect to a port of this machine."""

import socket

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    socket.create_connection(("127.0.0.1", int("@PORT@")), timeout=1).close()
    return []
