# concept: load
# check: stack-guard
# expected_score: 0
# A bracket is missing.
from kernel_sim import hookimpl


@hookimpl
def install_guard(kernel, request:
    return None
