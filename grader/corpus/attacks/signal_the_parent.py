# attack: signal the process that started this one
# wall: the pid namespace
# kind: reach
# expected_score: 2
"""Signal the process that started this one."""

import os
import signal

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    parent = os.getppid()
    if parent > 0:
        os.kill(parent, signal.SIGURG)
        raise ValueError(f"LOOT signalled {parent}")
    return []
