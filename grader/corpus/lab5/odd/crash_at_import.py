# concept: load
# check: stack-guard
# expected_score: 0
# An error before the first hook.
from kernel_sim import hookimpl

PAGES = 4096 // 0


@hookimpl
def install_guard(kernel, request):
    return None
