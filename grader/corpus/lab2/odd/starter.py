# concept: not-written
# check: usable-frames
# expected_score: 0
"""As it was handed out."""

from kernel_sim import FrameError, FrameStats, RegionKind, hookimpl


@hookimpl
def pmm_init(kernel, regions, reserved):
    # YOUR CODE HERE
    raise NotImplementedError()


@hookimpl
def pmm_alloc_frame(kernel):
    # YOUR CODE HERE
    raise NotImplementedError()


@hookimpl
def pmm_free_frame(kernel, frame):
    # YOUR CODE HERE
    raise NotImplementedError()


@hookimpl
def pmm_stats(kernel):
    # YOUR CODE HERE
    raise NotImplementedError()
