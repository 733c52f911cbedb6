# attack: sleep for ever
# wall: the grader's clock
# kind: resource
# expected_score: 0
"""Sleep for ever."""

import time

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    while True:
        time.sleep(1000)
