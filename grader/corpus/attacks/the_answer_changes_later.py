# attack: change a returned list after it was judged
# wall: what crosses the channel is a copy
# kind: timing
# expected_score: 2
"""Change a returned list after it was judged."""

from kernel_sim import hookimpl

KEPT = []


@hookimpl
def parse_memory_map(kernel, boot_info):
    KEPT.append([])
    for earlier in KEPT[:-1]:
        earlier.append(None)
    return KEPT[-1]
