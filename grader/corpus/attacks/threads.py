# attack: start eight threads that sleep
# wall: the limit on processes
# kind: resource
# expected_score: 2
"""Start eight threads that sleep."""

import threading
import time

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    for _ in range(8):
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
    return []
