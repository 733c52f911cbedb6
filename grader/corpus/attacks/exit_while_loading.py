# attack: end the process while the plugin is loaded
# wall: a worker that ends has given no answer
# kind: forge
# expected_score: 0
"""End the process while the plugin is loaded."""

import os

from kernel_sim import hookimpl

os._exit(0)


@hookimpl
def parse_memory_map(kernel, boot_info):
    return []
