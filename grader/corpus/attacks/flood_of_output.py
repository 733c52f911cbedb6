# attack: print eight megabytes
# wall: standard output goes nowhere
# kind: resource
# expected_score: 2
"""Print eight megabytes."""

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    for _ in range(8):
        print("x" * (1 << 20))
    return []
