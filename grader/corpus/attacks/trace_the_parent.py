# attack: trace the process that started this one
# wall: the pid namespace, and the filter of system calls
# kind: reach
# expected_score: 2
"""Trace the process that started this one."""

import ctypes
import os

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(0x4206, max(os.getppid(), 1), 0, 0) == 0:
        raise ValueError("LOOT traced")
    return []
