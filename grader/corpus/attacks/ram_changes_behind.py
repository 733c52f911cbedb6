# attack: let a thread change RAM between the operation and the check
# wall: no further threads
# kind: timing
# expected_score: 2
"""Let a thread change RAM between the operation and the check."""

import threading
import time

from kernel_sim import hookimpl

def change(cpu, table):
    for number in range(50):
        cpu.store(table + 16, 4, number & 1)
        time.sleep(0.005)


@hookimpl
def parse_memory_map(kernel, boot_info):
    threading.Thread(target=change, args=(kernel.cpu, boot_info.table), daemon=True).start()
    return []
