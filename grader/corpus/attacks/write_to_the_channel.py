# attack: write a finished answer to every open file and leave
# wall: an answer that was not asked for, or is no such answer, ends the worker
# kind: forge
# expected_score: 2
"""Write a finished answer to every open file and leave."""

import os

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    frame = b"\x93\xa6Booted\xc0\x90"
    for number in range(3, 64):
        try:
            os.write(number, len(frame).to_bytes(4, "big") + frame)
        except OSError:
            continue
    os._exit(0)
