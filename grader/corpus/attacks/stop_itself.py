# attack: stop the worker without ending it
# wall: the grader's clock
# kind: resource
# expected_score: 0
"""Stop the worker without ending it."""

import os
import signal
import time

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(1000)
