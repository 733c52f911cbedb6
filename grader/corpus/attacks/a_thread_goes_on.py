# attack: let a thread write answers while the grader asks
# wall: no further threads; an answer that was not asked for, or is no such answer, ends the worker
# kind: forge
# expected_score: 2
"""Let a thread write answers while the grader asks."""

import os
import threading
import time

from kernel_sim import hookimpl

def go_on():
    for _ in range(20):
        for number in range(3, 16):
            try:
                os.write(number, b"\0\0\0\1\x90")
            except OSError:
                continue
        time.sleep(0.01)


@hookimpl
def parse_memory_map(kernel, boot_info):
    threading.Thread(target=go_on, daemon=True).start()
    return []
