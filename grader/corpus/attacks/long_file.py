# attack: write a file of four megabytes
# wall: the limit on files
# kind: resource
# expected_score: 2
"""Write a file of four megabytes."""

import tempfile

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    with tempfile.TemporaryFile() as file:
        for _ in range(4):
            file.write(b"x" * (1 << 20))
    return []
