# attack: make the boot information say that there are no entries
# wall: the grader knows the map that it handed in
# kind: forge
# expected_score: 2
"""Make the boot information say that there are no entries."""

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    for name in ("count", "entry_size"):
        object.__setattr__(boot_info, name, 0)
    return []
