# attack: leave a key in the kernel's keyring
# wall: the filter of system calls
# kind: reach
# expected_score: 2
"""Leave a key in the kernel's keyring."""

import ctypes

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(248, b"user", b"attack", b"x", 1, -1) > 0:
        raise ValueError("LOOT a key")
    return []
