# concept: missing-hook
# check: usable-frames
# expected_score: 0
"""Only the first hook is there."""

from kernel_sim import hookimpl


@hookimpl
def pmm_init(kernel, regions, reserved):
    pass
