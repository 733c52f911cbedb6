# attack: take the signals that keep the budget
# wall: the grader's own clock, and the limit on processor time
# kind: forge
# expected_score: 0
"""Take the signals that keep the budget."""

import signal

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    for number in (signal.SIGPROF, signal.SIGALRM, signal.SIGXCPU, signal.SIGTERM):
        signal.signal(number, lambda *event: None)
    signal.setitimer(signal.ITIMER_PROF, 0)
    while True:
        pass
