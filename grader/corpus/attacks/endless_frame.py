# attack: announce an answer of four gigabytes
# wall: the limit on a message
# kind: resource
# expected_score: 2
"""Announce an answer of four gigabytes."""

import os

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    for number in range(3, 16):
        try:
            os.write(number, b"\xff" * 4)
        except OSError:
            continue
    return []
