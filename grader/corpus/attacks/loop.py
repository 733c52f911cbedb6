# attack: never return
# wall: the budget of each hook call
# kind: resource
# expected_score: 2
"""Never return."""

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    while True:
        pass
