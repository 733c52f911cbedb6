# attack: search all objects for checks, seeds and secrets
# wall: they are never in the worker
# kind: read
# expected_score: 2
"""Search all objects for checks, seeds and secrets."""

import gc
import sys

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    words = ("hidden-", "course_secret", "grading_seed")
    found = [repr(item)[:200] for item in gc.get_objects() if type(item).__name__ in {"Check", "Course"}]
    found += [item for item in map(str, sys.modules) if any(word in item for word in words)]
    raise ValueError("LOOT " + " ".join(found))
