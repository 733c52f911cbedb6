# attack: raise an exception with a message of thirty megabytes
# wall: texts are cut
# kind: resource
# expected_score: 2
"""Raise an exception with a message of thirty megabytes."""

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    raise ValueError("x" * (30 << 20))
