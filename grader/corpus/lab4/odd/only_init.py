# concept: missing-hook
# check: blocks
# expected_score: 0
"""Only the first hook is there."""

from kernel_sim import hookimpl


@hookimpl
def heap_init(kernel, start, max_end):
    kernel.state.start = start
    kernel.state.end = max_end
