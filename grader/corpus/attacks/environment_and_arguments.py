# attack: read the environment and the command line
# wall: the environment and the command line are the same for every worker
# kind: read
# expected_score: 2
"""Read the environment and the command line."""

import os
import sys

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    raise ValueError(f"LOOT {dict(os.environ)} {sys.argv} {sys.orig_argv}")
