"""The sequences of calls about faults: their classes, and what is logged of them."""

from random import Random
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.guard_cases import NOWHERE, TOO_DEEP, field, install
from kernel_sim.checks.operations import Case, Place, Script
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import GuardKind, PageFault

SPARE: Final = 0xD000_0000
"""Addresses that are nobody's."""
READ: Final = PageTableFlags.PRESENT
READ_WRITE: Final = READ | PageTableFlags.WRITABLE
USER: Final = READ | PageTableFlags.USER_ACCESSIBLE
HEAP: Final = 0xC100_0000
KERNEL_MEMORY: Final = 0x20_0000
STACK_DAMAGES: Final = ("null", "unmapped", "end", "odd", "itself", "below")
TOP_DAMAGES: Final = ("top", "last")
"""These point to the end of the stack, above which a guarded stack is mapped nowhere."""


# --- classes --------------------------------------------------------------------------------------


def null_pointers(place: Place, addresses: tuple[int, ...]) -> Case:
    """NULL, and a little above, used by the kernel and by a program."""
    script = Script()
    for address in addresses:
        script.add("cpu.load", address, 1)
    script.add("user.store", addresses[0], 1, 1)
    return script.at(place)


def guard_hits(place: Place, kind: GuardKind, rng: Random) -> Case:
    """First and last byte of each guard, and the bytes just beyond."""
    script = Script()
    region = install(script, kind, rng.randrange(1, 4) * PAGE_SIZE)
    script.add("cpu.store", field(region, "base", -1), 1, 1)
    script.add("cpu.load", field(region, "guard_low"), 1)
    script.add("cpu.load", field(region, "guard_low", rng.randrange(1, PAGE_SIZE - 1)), 1)
    if kind is not GuardKind.STACK:
        script.add("cpu.store", field(region, "guard_high"), 1, 1)
        script.add("cpu.load", field(region, "guard_high", PAGE_SIZE - 1), 1)
    script.add("user.load", field(region, "base", -1), 1)
    return script.at(place)


def beside_guards(place: Place) -> Case:
    """Pages beside guards are none, nor is a guard that is gone."""
    script = Script()
    region = install(script, GuardKind.OBJECT, PAGE_SIZE)
    script.add("cpu.load", field(region, "guard_high", 40 * PAGE_SIZE), 1)
    script.add("user.load", field(region, "base"), 1)
    script.add("cpu.load", field(region, "guard_high", PAGE_SIZE), 1)
    script.add("cpu.load", field(region, "guard_low", -1), 1)
    script.add("remove_guard", region)
    script.add("cpu.load", field(region, "guard_low"), 1)
    script.add("cpu.load", field(region, "base"), 1)
    return script.at(place)


def programs_at_the_kernel(place: Place) -> Case:
    """A program reads and writes kernel memory, and a page that is its own but read-only."""
    script = Script()
    script.add("user.load", KERNEL_MEMORY, 4)
    script.add("user.store", 0xB_8000, 2, 1)
    script.add("user.fetch", KERNEL_MEMORY)
    root = script.add("kernel.root")
    frame = script.add("pmm_alloc_frame")
    script.add("map_page", root, SPARE, frame, USER)
    script.add("user.store", SPARE, 4, 1)
    return script.at(place)


def nobodys(place: Place) -> Case:
    """Faults that are neither NULL, nor a guard, nor a program's: others are asked."""
    script = Script()
    script.add("cpu.store", NOWHERE, 1, 1)
    script.add("cpu.load", PAGE_SIZE * 0xD_0123, 4)
    script.add("user.load", NOWHERE, 1)
    script.add("cpu.load", HEAP, 1)
    root = script.add("kernel.root")
    frame = script.add("pmm_alloc_frame")
    script.add("map_page", root, SPARE, frame, READ)
    script.add("cpu.store", SPARE, 4, 1)
    return script.at(place)


def told_directly(place: Place, rng: Random) -> Case:
    """The handler is asked about faults that did not happen."""
    script = Script()
    address = rng.randrange(SPARE, NOWHERE)
    for fault in (
        PageFault(rng.randrange(1, PAGE_SIZE), 2, 0, 0, 0, 0),
        PageFault(PAGE_SIZE - 1, 6, 0, 0, 0, 3),
        PageFault(PAGE_SIZE, 0, 0, 0, 0, 0),
        PageFault(address, 2, 0, 0, 0, 0),
        PageFault(address, 6, 0, 0, 0, 3),
        PageFault(KERNEL_MEMORY, 5, 0, 0, 0, 3),
        PageFault(KERNEL_MEMORY, 3, 0, 0, 0, 0),
    ):
        script.add("page_fault", fault)
    return script.at(place)


def on_demand(place: Place) -> Case:
    """Heap pages that come when they are touched; ``place`` has demand paging on."""
    script = Script()
    script.add("cpu.store", HEAP + 0x1234, 4, 0xCAFE)
    script.add("cpu.load", HEAP + 0x1234, 4)
    script.add("cpu.load", HEAP + 0x5000, 4)
    return script.at(place)


def with_page_zero(place: Place, kind: GuardKind) -> Case:
    """A guard is hit where page 0 is mapped (KV-U8)."""
    script = Script()
    root = script.add("kernel.root")
    frame = script.add("pmm_alloc_frame")
    script.add("map_page", root, 0, frame, READ_WRITE)
    region = install(script, kind, PAGE_SIZE)
    script.add("cpu.store", field(region, "base", -1), 1, 1)
    return script.at(place)


# --- the log --------------------------------------------------------------------------------------


def called(place: Place, depth: int, locals_bytes: int, address: int = NOWHERE) -> Case:
    """A fault some functions deep."""
    script = Script()
    script.add("kernel.descend", depth, locals_bytes, "", address)
    return script.at(place)


def damaged(place: Place, damage: str, depth: int, locals_bytes: int) -> Case:
    """The same with a damaged frame pointer."""
    script = Script()
    script.add("kernel.descend", depth, locals_bytes, damage, NOWHERE)
    return script.at(place)


def several(place: Place, rng: Random) -> Case:
    """Faults one after another, each of another kind."""
    script = Script()
    for _ in range(3):
        script.add("kernel.descend", rng.randrange(1, 12), rng.randrange(0, 64), "", NOWHERE)
    script.add("cpu.load", 0x10, 1)
    script.add("user.load", KERNEL_MEMORY, 4)
    return script.at(place)


def overflowing(place: Place) -> Case:
    """The kernel's own stack overflows: the handler has a small stack, and the log must survive."""
    return called(place, TOO_DEEP, 512)
