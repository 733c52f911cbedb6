# attack: never return, whatever is raised
# wall: the budget of each hook call, and the grader's clock
# kind: resource
# expected_score: 2
"""Never return, whatever is raised."""

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue
