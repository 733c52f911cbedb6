"""Sequences in which every feature of Lab 5 has something to say, with one of them off (KV-40)."""

from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.fault_cases import HEAP
from kernel_sim.checks.guard_cases import NOWHERE
from kernel_sim.checks.guard_places import FEATURES, place
from kernel_sim.checks.operations import Case, Script

ASKED: Final = {
    "faultlog": ("kernel.descend", (2, 16, "", NOWHERE)),
    "memviz": ("render_memory", (20, 5)),
    "tags": ("region_tags", ()),
}
"""Feature → the call in which it shows; that of the counters needs a frame."""


def asking(feature: str, *on: str) -> Case:
    """A call in which one feature shows, with the features ``on``."""
    script = Script()
    if feature == "refcounts":
        script.add("frame_refcount", script.add("pmm_alloc_frame"))
    else:
        hook, args = ASKED[feature]
        script.add(hook, *args)
    return script.at(place("pc4", *on))


def asking_all(*on: str) -> Case:
    """The calls in which the features show, one after another."""
    first, *others = (asking(feature, *on) for feature in FEATURES)
    for case in others:
        first = first.then(case)
    return first


def switched_off(feature: str) -> Case:
    """The call in which a feature shows, with this one off and all others on."""
    return asking(feature, *(name for name in FEATURES if name != feature))


def guard_off() -> Case:
    """Faults of every class with the guards off, among them one that demand paging mends."""
    script = Script()
    script.add("cpu.load", 8, 4)
    script.add("cpu.load", NOWHERE, 1)
    script.add("cpu.store", HEAP + PAGE_SIZE, 4, 1)
    script.add("cpu.load", HEAP + PAGE_SIZE, 4)
    return script.at(place("pc4", guard=False, demand_paging=True))


def guard_on() -> Case:
    """A NULL pointer with the guards on."""
    script = Script()
    script.add("cpu.load", 8, 4)
    return script.at(place())
