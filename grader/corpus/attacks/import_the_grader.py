# attack: import the grader and its hidden checks
# wall: the modules are barred, and are no files in the sandbox
# kind: read
# expected_score: 2
"""Import the grader and its hidden checks."""

import importlib
import pathlib
import sys

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    for name in [item for item in sys.modules if "kernel_sim_grader" in item]:
        if sys.modules[name] is None:
            del sys.modules[name]
    module = importlib.import_module("kernel_sim_grader.seeds")
    raise ValueError("LOOT " + str(module.read_secret(pathlib.Path("@COURSE@")).hex()))
