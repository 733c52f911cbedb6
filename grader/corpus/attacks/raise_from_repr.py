# attack: raise an exception that can't be printed
# wall: failures are reported by the host, which expects this
# kind: forge
# expected_score: 2
"""Raise an exception that can't be printed."""

from kernel_sim import hookimpl

class Silent(Exception):
    def __str__(self):
        raise SystemExit(0)

    __repr__ = __str__


@hookimpl
def parse_memory_map(kernel, boot_info):
    raise Silent()
