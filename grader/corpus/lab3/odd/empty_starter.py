# concept: not-written
# check: tables
# expected_score: 0
"""The starter as it was released."""

from kernel_sim import MapError, NotMapped, Translation, UnmapError, hookimpl


@hookimpl
def init_paging(kernel, layout):
    raise NotImplementedError()  # YOUR CODE HERE


@hookimpl
def enable_paging(kernel, root):
    raise NotImplementedError()  # YOUR CODE HERE


@hookimpl
def phys_to_virt(kernel, physical):
    raise NotImplementedError()  # YOUR CODE HERE


@hookimpl
def map_page(kernel, root, page, frame, flags):
    raise NotImplementedError()  # YOUR CODE HERE


@hookimpl
def unmap_page(kernel, root, page):
    raise NotImplementedError()  # YOUR CODE HERE


@hookimpl
def translate(kernel, root, address):
    raise NotImplementedError()  # YOUR CODE HERE


@hookimpl
def page_fault(kernel, fault):
    raise NotImplementedError()  # YOUR CODE HERE
