# attack: return lists nested in each other a hundred thousand times
# wall: values are rebuilt from plain data by a schema
# kind: resource
# expected_score: 2
"""Return lists nested in each other a hundred thousand times."""

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    nested = []
    for _ in range(100_000):
        nested = [nested]
    return nested
