# concept: not-written
# check: regions-pc128
# expected_score: 0
"""The starter as it was released."""

from kernel_sim import MemoryRegion, RegionKind, hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    raise NotImplementedError()  # YOUR CODE HERE


@hookimpl
def describe_region(kernel, region):
    raise NotImplementedError()  # YOUR CODE HERE
