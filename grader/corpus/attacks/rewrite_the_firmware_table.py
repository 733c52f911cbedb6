# attack: empty the firmware's table in RAM, so that no region is the right answer
# wall: the grader knows the map that it handed in
# kind: forge
# expected_score: 2
"""Empty the firmware's table in RAM, so that no region is the right answer."""

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    kernel.cpu.fill(boot_info.table, boot_info.count * boot_info.entry_size, 0)
    return []
