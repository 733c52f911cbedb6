# attack: replace the worker's own module of messages, found in sys.modules
# wall: what is patched in the worker is patched in the worker alone; values are rebuilt from plain data by a schema
# kind: forge
# expected_score: 2
"""Replace the worker's own module of messages, found in sys.modules."""

import sys

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    for name, module in list(sys.modules.items()):
        if name.endswith(".wire") and hasattr(module, "encode"):
            module.results = lambda outcomes: module.Results([(True, None)] * len(outcomes))
            module.reported = lambda failure: None
    return []
