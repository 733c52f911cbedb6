# attack: write an answer when the process ends
# wall: an answer that was not asked for, or is no such answer, ends the worker
# kind: forge
# expected_score: 2
"""Write an answer when the process ends."""

import atexit
import os

from kernel_sim import hookimpl

def leave():
    for number in range(3, 64):
        try:
            os.write(number, b"\0\0\0\1\x90")
        except OSError:
            continue


@hookimpl
def parse_memory_map(kernel, boot_info):
    atexit.register(leave)
    return []
