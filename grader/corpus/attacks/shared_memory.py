# attack: leave shared memory behind
# wall: the ipc namespace, and the filter of system calls
# kind: reach
# expected_score: 2
"""Leave shared memory behind."""

import ctypes

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    libc = ctypes.CDLL(None, use_errno=True)
    key = libc.shmget(0x6B73696D, 64, 0o1600)
    if key >= 0:
        libc.shmctl(key, 0, None)
        raise ValueError("LOOT shared memory")
    return []
