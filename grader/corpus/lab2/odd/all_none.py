# concept: nothing-issued
# check: usable-frames
# expected_score: 4
"""Every hook returns nothing."""

from kernel_sim import hookimpl


@hookimpl
def pmm_init(kernel, regions, reserved):
    pass


@hookimpl
def pmm_alloc_frame(kernel):
    pass


@hookimpl
def pmm_free_frame(kernel, frame):
    pass


@hookimpl
def pmm_stats(kernel):
    pass
