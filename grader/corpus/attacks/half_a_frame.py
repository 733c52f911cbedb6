# attack: begin an answer and never finish it
# wall: the deadline of a whole frame
# kind: resource
# expected_score: 0
"""Begin an answer and never finish it."""

import os
import time

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    for number in range(3, 16):
        try:
            os.write(number, b"\0\0")
        except OSError:
            continue
    time.sleep(1000)
