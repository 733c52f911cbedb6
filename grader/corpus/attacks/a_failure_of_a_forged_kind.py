# attack: raise an exception that looks like an error of the grader's own
# wall: the kinds of failure are a closed list
# kind: forge
# expected_score: 2
"""Raise an exception that looks like an error of the grader's own."""

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    raise type("InputError", (Exception,), {"kind": "errored", "reason": "errored"})("errored")
