# concept: not-written
# check: blocks
# expected_score: 0
"""As it was handed out."""

from kernel_sim import HeapError, HeapInitError, HeapStats, MapError, PageTableFlags, hookimpl


@hookimpl
def heap_init(kernel, start, max_end):
    # YOUR CODE HERE
    raise NotImplementedError()


@hookimpl
def kmalloc(kernel, size, align):
    # YOUR CODE HERE
    raise NotImplementedError()


@hookimpl
def kfree(kernel, ptr):
    # YOUR CODE HERE
    raise NotImplementedError()


@hookimpl
def heap_stats(kernel):
    # YOUR CODE HERE
    raise NotImplementedError()
