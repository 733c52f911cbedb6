# attack: let all comparisons of the interpreter's come out right
# wall: what is patched in the worker is patched in the worker alone
# kind: forge
# expected_score: 2
"""Let all comparisons of the interpreter's come out right."""

import builtins

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    builtins.all = builtins.any = lambda items: True
    builtins.sorted = lambda items, **options: []
    builtins.isinstance = lambda value, kinds: True
    return []
