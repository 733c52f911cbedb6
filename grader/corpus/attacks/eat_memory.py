# attack: use a gigabyte of memory
# wall: the limit on memory
# kind: resource
# expected_score: 2
"""Use a gigabyte of memory."""

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    eaten = [bytearray(1 << 24) for _ in range(64)]
    return []
