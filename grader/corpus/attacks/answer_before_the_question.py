# attack: send the answers to the next questions in advance
# wall: an answer that was not asked for, or is no such answer, ends the worker
# kind: forge
# expected_score: 2
"""Send the answers to the next questions in advance."""

import os

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    frame = b"\x92\xa7Results\x91\x92\x90\xc0"
    for number in range(3, 64):
        try:
            os.write(number, (len(frame).to_bytes(4, "big") + frame) * 3)
        except OSError:
            continue
    return []
