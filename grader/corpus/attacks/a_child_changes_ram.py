# attack: let a child process change the shared RAM
# wall: the limit on processes, and the filter of system calls
# kind: timing
# expected_score: 2
"""Let a child process change the shared RAM."""

import os
import time

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    if os.fork() == 0:
        for number in range(50):
            kernel.cpu.store(boot_info.table + 16, 4, number & 1)
            time.sleep(0.005)
        os._exit(0)
    return []
