# attack: turn the worker into another program
# wall: the file system: a root of its own with libraries and nothing else; the filter of system calls
# kind: reach
# expected_score: 2
"""Turn the worker into another program."""

import os

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    os.execv("/bin/true", ["true"])
