# attack: make a file in memory to run programs from
# wall: the filter of system calls
# kind: reach
# expected_score: 2
"""Make a file in memory to run programs from."""

import os

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    number = os.memfd_create("attack")
    os.close(number)
    raise ValueError("LOOT a file in memory")
