# attack: run the reference's file from its folder
# wall: the reference is no file in the sandbox
# kind: smuggle
# expected_score: 2
"""Run the reference's file from its folder."""

import os
import kernel_sim_kernel_v

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    path = os.path.join(kernel_sim_kernel_v.__path__[0], "memmap.py")
    with open(path, encoding="utf-8") as file:
        scope = {"__name__": "borrowed"}
        exec(compile(file.read(), path, "exec"), scope)
    return scope["parse_memory_map"](kernel, boot_info)
