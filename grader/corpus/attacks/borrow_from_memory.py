# attack: find the reference among all functions in memory and call it
# wall: it was never imported in the worker's line of processes
# kind: smuggle
# expected_score: 2
"""Find the reference among all functions in memory and call it."""

import gc

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    for item in gc.get_objects():
        name = getattr(item, "__name__", "")
        if name == "parse_memory_map" and item is not parse_memory_map and callable(item):
            return item(kernel, boot_info)
    return []
