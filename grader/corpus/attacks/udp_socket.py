# attack: send a datagram to a port of this machine
# wall: the net namespace, and the filter of system calls
# kind: reach
# expected_score: 2
"""Send a datagram to a port of this machine."""

import socket

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.sendto(b"here", ("127.0.0.1", int("@PORT@")))
    return []
