# attack: let every hook call answer what the caller would like
# wall: what is patched in the worker is patched in the worker alone
# kind: forge
# expected_score: 2
"""Let every hook call answer what the caller would like."""

import pluggy

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    pluggy._callers._multicall = lambda *args, **options: True
    pluggy.HookCaller.__call__ = lambda self, **options: []
    return []
