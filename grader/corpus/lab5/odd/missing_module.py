# concept: load
# check: stack-guard
# expected_score: 0
# A module that is not there.
import memory_tools


def install_guard(kernel, request):
    return memory_tools.install(kernel, request)
