# attack: return a list with other contents each time it is looked at
# wall: values are rebuilt from plain data by a schema
# kind: forge
# expected_score: 2
"""Return a list with other contents each time it is looked at."""

from kernel_sim import hookimpl

class Moving(list):
    def __eq__(self, other):
        return True

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 6


@hookimpl
def parse_memory_map(kernel, boot_info):
    return Moving()
