"""Writes docs/reference/swap.md: which plugin fits into which kernel.

``python docs/generate_swap.py``; ``--check`` writes nothing and ends with status 1 if the page is
not what would be written. A cell says what `kernel_sim.host.needs` says; a test boots every one.
"""

import sys
from pathlib import Path
from typing import Final

from kernel_sim.hookspecs import ROLE_HOOKS
from kernel_sim.host.needs import MODES, needs_of
from kernel_sim.loading import load_plugin, plugin_names
from kernel_sim.machine import machine_spec
from kernel_sim.profiles import Profile, profile, profile_names

PAGE: Final = Path(__file__).parent / "reference" / "swap.md"
HEAD: Final = """\
# What fits where

Written by `make docs`. A part of a kernel can be swapped for any plugin of the same role that fits:

```console
$ ksim boot --profile bulldog --heap kernel_v_heap_buddy
$ ksim boot --profile kernel-v --pmm bulldog_early_pmm
```

*own* is the kernel's own part; *yes*: the kernel boots with it and every self-test passes; anything
else is why it is refused. A plugin of yours that does not say what it needs is tried.
"""


def page() -> str:
    """The whole page."""
    kernels = [profile(name) for name in profile_names()]
    ours = [name for name in plugin_names() if _origin(name).startswith("kernel_sim_")]
    lines = [HEAD]
    for role in ROLE_HOOKS:
        plugins = [name for name in ours if role in load_plugin(name).roles]
        using = [kernel for kernel in kernels if role in kernel.roles]
        lines.append(f"## {role}\n")
        lines.append("| | " + " | ".join(f"`{kernel.name}`" for kernel in using) + " |")
        lines.append("|---" * (len(using) + 1) + "|")
        for name in plugins:
            cells = " | ".join(cell(kernel, role, name) for kernel in using)
            lines.append(f"| `{name}` | {cells} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def cell(kernel: Profile, role: str, plugin: str) -> str:
    """``own``, ``yes``, or the reason why ``plugin`` is refused."""
    if kernel.roles[role] == plugin:
        return "own"
    spec = machine_spec(kernel.machine)
    firmware = spec.firmware if spec.long_mode else "e820"
    needs = needs_of(load_plugin(plugin))
    return needs.unmet(firmware, MODES[spec.long_mode], kernel.steps) or "yes"


def _origin(plugin: str) -> str:
    return str(getattr(load_plugin(plugin).plugin, "__name__", ""))


def main() -> None:
    """Write the page, or compare it."""
    if "--check" in sys.argv[1:]:
        sys.exit(PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
