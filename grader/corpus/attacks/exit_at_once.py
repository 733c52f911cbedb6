# attack: end the process at once with the status of success
# wall: a worker that ends has given no answer
# kind: forge
# expected_score: 0
"""End the process at once with the status of success."""

import os

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    os._exit(0)
