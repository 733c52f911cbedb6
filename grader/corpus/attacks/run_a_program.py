# attack: run a shell
# wall: the file system: a root of its own with libraries and nothing else; the filter of system calls
# kind: reach
# expected_score: 2
"""Run a shell."""

import subprocess

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    subprocess.run(["/bin/sh", "-c", "echo here > @FOLDER@/shell"], check=True, timeout=2)
    return []
