# attack: answer differently at each boot
# wall: every boot is judged by itself
# kind: timing
# expected_score: 2
"""Answer differently at each boot."""

from kernel_sim.errors import KernelError

from kernel_sim import hookimpl

TURN = []


@hookimpl
def parse_memory_map(kernel, boot_info):
    TURN.append(1)
    if len(TURN) % 2:
        return []
    raise KernelError("not now")
