"""Where Lab 5's sequences run: which machine, and which features are on."""

from random import Random
from typing import Final

from kernel_sim.checks.operations import Place

FEATURES: Final = ("faultlog", "memviz", "refcounts", "tags")
"""What watches; each can be switched off."""
SMALL_WINDOW: Final = ("guard_end", 0xC201_0000)
"""Sixteen pages of addresses for guarded regions."""
MACHINES: Final = ("pc128", "pc-nasty", "map-02", "map-44", "map-65")


def place(
    machine: str = "pc4", *on: str, until: str = "heap", seed: int = 0, **config: object
) -> Place:
    """A boot with only the features ``on`` of those that watch.

    Up to ``heap`` the plugin is there, and the kernel has not asked it for a stack yet.
    """
    off = {name: False for name in FEATURES if name not in on}
    return Place(machine, until, tuple({**off, **config}.items()), seed)


def some_place(rng: Random, *on: str, until: str = "heap", **config: object) -> Place:
    """The same on a machine that is drawn."""
    return place(rng.choice(MACHINES), *on, until=until, seed=rng.randrange(1 << 16), **config)
