# attack: make a user namespace in which one is root
# wall: the filter of system calls
# kind: reach
# expected_score: 2
"""Make a user namespace in which one is root."""

import ctypes

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x10000000) == 0:
        raise ValueError("LOOT a namespace of its own")
    return []
