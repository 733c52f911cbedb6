# attack: walk up the stack and read the variables of all callers
# wall: they are never in the worker
# kind: read
# expected_score: 2
"""Walk up the stack and read the variables of all callers."""

import sys

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    found, frame = [], sys._getframe()
    while frame:
        found += [f"{name}={value!r}"[:160] for name, value in frame.f_locals.items()]
        frame = frame.f_back
    raise ValueError("LOOT " + " ".join(found))
