# attack: open three hundred files
# wall: the limit on open files
# kind: resource
# expected_score: 2
"""Open three hundred files."""

import os

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    kept = [open(os.devnull, "rb") for _ in range(300)]
    return [] if kept else None
