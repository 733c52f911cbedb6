# concept: early-null
# check: bounds
# expected_score: 0
"""Every hook returns nothing."""

from kernel_sim import hookimpl


@hookimpl
def heap_init(kernel, start, max_end):
    pass


@hookimpl
def kmalloc(kernel, size, align):
    pass


@hookimpl
def kfree(kernel, ptr):
    pass


@hookimpl
def heap_stats(kernel):
    pass
