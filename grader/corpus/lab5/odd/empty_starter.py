# concept: not-written
# check: stack-guard
# expected_score: 5.93
# The starter as it is released.
from kernel_sim import hookimpl


@hookimpl
def install_guard(kernel, request):
    # YOUR CODE HERE
    raise NotImplementedError()


@hookimpl
def remove_guard(kernel, region):
    # YOUR CODE HERE
    raise NotImplementedError()


@hookimpl
def page_fault(kernel, fault):
    # YOUR CODE HERE
    raise NotImplementedError()


@hookimpl
def render_memory(kernel, columns, rows):
    # YOUR CODE HERE
    raise NotImplementedError()


@hookimpl
def frame_refcount(kernel, frame):
    # YOUR CODE HERE
    raise NotImplementedError()


@hookimpl
def region_tags(kernel):
    # YOUR CODE HERE
    raise NotImplementedError()
