# attack: listen on a port
# wall: the net namespace, and the filter of system calls
# kind: reach
# expected_score: 2
"""Listen on a port."""

import socket

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    server = socket.create_server(("127.0.0.1", 0))
    raise ValueError("LOOT listening on " + str(server.getsockname()))
