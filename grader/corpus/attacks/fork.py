# attack: fork a few times, and let the children sleep
# wall: the limit on processes; all that a worker started is killed
# kind: resource
# expected_score: 2
"""Fork a few times, and let the children sleep."""

import os
import time

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    for _ in range(3):
        if os.fork() == 0:
            time.sleep(1000)
            os._exit(0)
    return []
