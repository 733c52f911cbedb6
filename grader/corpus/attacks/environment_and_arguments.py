# attack: read the environment and the command line
# wall: of the environment only paths and the language are kept, and no argument names a secret
# kind: read
# expected_score: 2
"""Read the environment and the command line."""

import os
import sys

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    raise ValueError(f"LOOT {dict(os.environ)} {sys.argv} {sys.orig_argv}")
