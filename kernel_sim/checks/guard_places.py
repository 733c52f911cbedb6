"""Where Lab 5's sequences run: which machine, and which features are on."""

from random import Random
from typing import Final

from kernel_sim.checks import frame_places
from kernel_sim.checks.operations import Place

FEATURES: Final = ("faultlog", "memviz", "refcounts", "tags")
"""What watches; each can be switched off."""
SMALL_WINDOW: Final = 0xC201_0000
"""As ``guard_end``: sixteen pages of addresses for guarded regions."""
ELSEWHERE: Final = 0xC280_0000
"""As ``guard_start``: a boot of its own, in which no region has had a page table yet."""
REAL: Final = ("map-26", "map-43", "map-44", "map-55", "map-56", "map-58", "map-61", "map-70")
"""Real machines that boot quickly."""
MADE: Final = (frame_places.tidy, frame_places.ragged, frame_places.holes)
"""Small machines that are made up."""


def place(
    machine: str = "pc4", *on: str, until: str = "heap", seed: int = 0, **config: object
) -> Place:
    """A boot with only the features ``on`` of those that watch.

    Up to ``heap`` the plugin is there, and the kernel has not asked it for a stack yet.
    """
    off = {name: False for name in FEATURES if name not in on}
    return Place(machine, until, tuple({**off, **config}.items()), seed)


def some_place(rng: Random, *on: str, until: str = "heap", **config: object) -> Place:
    """The same on a real machine that is drawn."""
    return place(rng.choice(REAL), *on, until=until, seed=rng.randrange(1 << 16), **config)


def other_bitmap(rng: Random, *on: str, until: str = "heap") -> Place:
    """The same, where the bitmap of frames is laid out otherwise, and begins at 1 MiB."""
    made = frame_places.no_low_memory(rng)
    return place(made.machine, *on, until=until, seed=made.seed, bitmap_layout="msb,inverted,cut")


def made_place(rng: Random, *on: str, until: str = "heap", **config: object) -> Place:
    """The same on a small machine that is made up."""
    made = rng.choice(MADE)(rng)
    return place(made.machine, *on, until=until, seed=made.seed, **config)


def small_place(rng: Random, *, until: str = "heap", **config: object) -> Place:
    """The same on a machine with about eighty free frames, so that memory is soon used up."""
    made = frame_places.tidy(rng)
    return place(made.machine, until=until, seed=made.seed, **config)
