"""Quirks: behaviours of the original code that contradict its own description.

A profile lists them by name; none is on unless the setting ``quirks`` names it::

    ksim boot --profile bulldog --set quirks=heap_in_lower_half,bitmap_not_consulted

They are material for bug archaeology: each is a real mistake, and each has a test that shows what
it breaks.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kernel_sim.nearest import unknown_name

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel


def has_quirk(kernel: "Kernel", name: str) -> bool:
    """Whether this boot is to show the quirk ``name``."""
    return name in _names(str(kernel.config.quirks))


def assert_known(quirks: str, known: Mapping[str, str], profile: str) -> None:
    """Refuse names that ``profile`` does not list.

    Args:
        quirks: names with commas between them.
        known: name → what the quirk does.
        profile: the profile's name.

    Raises:
        InputError: with the nearest right name.
    """
    for name in _names(quirks):
        if name not in known:
            raise unknown_name(f"quirk of {profile}", name, known)


def _names(quirks: str) -> list[str]:
    return [name.strip() for name in quirks.split(",") if name.strip()]
