# attack: recurse without end with the interpreter's limit taken away
# wall: a worker that crashes is graded as one that gave no answer
# kind: resource
# expected_score: 2
"""Recurse without end with the interpreter's limit taken away."""

import sys

from kernel_sim import hookimpl

def descend(depth):
    return descend(depth + 1) or []


@hookimpl
def parse_memory_map(kernel, boot_info):
    sys.setrecursionlimit(10**6)
    return descend(0)
