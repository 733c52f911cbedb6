# attack: replace the methods of the kernel that the plugin is handed
# wall: what is patched in the worker is patched in the worker alone
# kind: forge
# expected_score: 2
"""Replace the methods of the kernel that the plugin is handed."""

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    for name in ("log", "phys_to_virt"):
        try:
            setattr(type(kernel), name, lambda self, *args, **options: 0)
        except (AttributeError, TypeError):
            continue
    return []
