# attack: return an object that runs code when it is unpickled
# wall: nothing of a worker's is unpickled
# kind: forge
# expected_score: 2
"""Return an object that runs code when it is unpickled."""

import os

from kernel_sim import hookimpl

class Payload:
    def __reduce__(self):
        return os.mkdir, ("@FOLDER@/unpickled",)


@hookimpl
def parse_memory_map(kernel, boot_info):
    return Payload()
