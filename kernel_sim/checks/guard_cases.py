"""The sequences of calls about regions with guards."""

from collections.abc import Iterator
from random import Random
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.operations import Case, Of, Place, Script
from kernel_sim.checks.operations_generator import Live, random_case
from kernel_sim.values import GuardKind, GuardRequest

BLOCKS: Final = (GuardKind.HEAP, GuardKind.OBJECT)
NOWHERE: Final = 0xDEAD_BEEF
TOO_DEEP: Final = 400
"""Functions with 512 bytes of locals each: more than any kernel's stack of ours holds."""


def field(region: Of, name: str, offset: int = 0) -> Of:
    """A field of an installed region, so many bytes further."""
    return Of(region.step, region.turn, offset, name)


def install(script: Script, kind: GuardKind, size: int, tag: str = "") -> Of:
    """Add an installation; the tag is that of its place in the script."""
    return script.add("install_guard", GuardRequest(kind, size, tag or f"region {len(script) + 1}"))


def used_to_its_ends(place: Place, kind: GuardKind, size: int) -> Case:
    """Both ends of a region are stored to and read back."""
    script = Script()
    region = install(script, kind, size)
    for name, offset in (("base", 0), ("end", -4)):
        script.add("cpu.store", field(region, name, offset), 4, 0x1234_5678 + size)
    for name, offset in (("base", 0), ("end", -4)):
        script.add("cpu.load", field(region, name, offset), 4)
    return script.at(place)


def overrun(place: Place, kind: GuardKind, size: int, rng: Random) -> Case:
    """The first bytes outside are reached for, and some further off in the guards."""
    script = Script()
    region = install(script, kind, size)
    script.add("cpu.store", field(region, "base", -1), 1, 0x41)
    script.add("cpu.load", field(region, "guard_low"), 1)
    script.add("cpu.store", field(region, "base", -rng.randrange(8, PAGE_SIZE, 4)), 4, 0x41)
    if kind is not GuardKind.STACK:
        script.add("cpu.store", field(region, "end"), 1, 0x41)
        script.add("cpu.load", field(region, "guard_high", PAGE_SIZE - 1), 1)
        script.add("cpu.store", field(region, "guard_high", rng.randrange(0, PAGE_SIZE, 4)), 4, 1)
    script.add("remove_guard", region)
    return script.at(place)


def across_the_edge(place: Place, kind: GuardKind, size: int) -> Case:
    """Accesses that begin inside and end outside, or the other way round."""
    script = Script()
    region = install(script, kind, size)
    script.add("cpu.store", field(region, "base", -2), 4, 0x4141_4141)
    if kind is not GuardKind.STACK:
        script.add("cpu.load", field(region, "guard_high", -2), 4)
    return script.at(place)


def neighbours(place: Place, kinds: Iterator[GuardKind], sizes: tuple[int, ...]) -> Case:
    """Several regions; each is filled to its ends, overrun, and its neighbours keep their bytes."""
    script = Script()
    regions = [install(script, kind, size) for kind, size in zip(kinds, sizes, strict=False)]
    for number, region in enumerate(regions):
        script.add("cpu.store", field(region, "base"), 4, 0xA000_0000 + number)
        script.add("cpu.store", field(region, "end", -4), 4, 0xE000_0000 + number)
    for region in regions:
        script.add("cpu.store", field(region, "base", -4), 4, 0xDEAD_DEAD)
    for region in regions:
        script.add("cpu.load", field(region, "base"), 4)
        script.add("cpu.load", field(region, "end", -4), 4)
    return script.at(place)


def removed(place: Place, kind: GuardKind, size: int) -> Case:
    """A region is used and removed; its pages are gone for the processor as well."""
    script = Script()
    region = install(script, kind, size)
    script.add("cpu.store", field(region, "base"), 4, 7)
    script.add("cpu.store", field(region, "end", -4), 4, 7)
    script.add("remove_guard", region)
    script.add("cpu.load", field(region, "base"), 4)
    script.add("cpu.store", field(region, "end", -4), 4, 8)
    again = install(script, kind, size)
    script.add("cpu.store", field(again, "base"), 4, 9)
    return script.at(place)


def removed_twice(place: Place, kind: GuardKind) -> Case:
    """Taking back what is not there any more is refused; the others stay."""
    script = Script()
    region = install(script, kind, PAGE_SIZE)
    other = install(script, kind, PAGE_SIZE)
    script.add("remove_guard", region)
    script.add("remove_guard", region)
    script.add("cpu.store", field(other, "base"), 4, 1)
    return script.at(place)


def too_large(place: Place, kind: GuardKind, size: int) -> Case:
    """More than there is: refused, and nothing is lost."""
    script = Script()
    install(script, kind, size)
    region = install(script, kind, PAGE_SIZE)
    script.add("cpu.store", field(region, "base"), 4, 1)
    return script.at(place)


def no_frame_for_the_table(place: Place, kind: GuardKind, frames: int) -> Case:
    """One frame is free, and the first page needs two: refused, and the one is free again.

    ``frames`` are more than the machine has. With two free ones there is room for a page.
    """
    script = Script()
    everything = script.add("pmm_alloc_frame", times=frames)
    script.add("pmm_free_frame", Of(everything.step, 1))
    install(script, kind, 1)
    script.add("pmm_free_frame", Of(everything.step, 2))
    install(script, kind, 1)
    return script.at(place)


def until_full(place: Place, kind: GuardKind, size: int, times: int) -> Case:
    """Installed until it is refused; what is given back can be had again."""
    script = Script()
    request = GuardRequest(kind, size, "many")
    many = script.add("install_guard", request, times=times)
    script.add("remove_guard", Of(many.step, 1))
    script.add("install_guard", request)
    return script.at(place)


def installed_once(place: Place, kind: GuardKind, size: int) -> Case:
    """A region, and nothing else."""
    script = Script()
    install(script, kind, size, "once")
    return script.at(place)


def again_and_again(place: Place, kind: GuardKind, size: int, times: int) -> Case:
    """Installed and removed more often than there are addresses without using them again."""
    script = Script()
    for _ in range(times):
        script.add("remove_guard", install(script, kind, size, "again"))
    return script.at(place)


def kernel_stack_overflow(place: Place) -> Case:
    """Functions that call each other until the kernel's own stack is full; the kernel goes on."""
    script = Script()
    script.add("kernel.descend", TOO_DEEP, 512, "", NOWHERE)
    region = install(script, GuardKind.STACK, PAGE_SIZE)
    script.add("cpu.store", field(region, "base"), 4, 1)
    return script.at(place)


def programs(place: Place, kind: GuardKind) -> Case:
    """A program reaches for a region of the kernel's."""
    script = Script()
    region = install(script, kind, PAGE_SIZE)
    script.add("user.load", field(region, "base"), 4)
    script.add("user.store", field(region, "end", -4), 4, 1)
    return script.at(place)


def churning(place: Place, rng: Random, kinds: tuple[GuardKind, ...], length: int) -> Case:
    """Regions come and go, are used and overrun."""
    churn = Churn(kinds)
    moves = [
        (5, churn.add),
        (3, churn.remove),
        (3, churn.store),
        (2, churn.load),
        (3, churn.overrun),
        (1, churn.load_freed),
    ]
    return random_case(rng, place, moves, length)


class Churn:
    """The moves of `churning`, and the regions that they have installed."""

    def __init__(self, kinds: tuple[GuardKind, ...]) -> None:
        self._kinds = kinds
        self._live = Live()

    def add(self, rng: Random, script: Script) -> None:
        """Install a region of less than a page, or of some pages."""
        size = rng.choice((rng.randrange(1, PAGE_SIZE), rng.randrange(1, 6) * PAGE_SIZE))
        self._live.add(install(script, rng.choice(self._kinds), size))

    def remove(self, rng: Random, script: Script) -> None:
        """Remove one of them."""
        if self._live:
            script.add("remove_guard", self._live.take(rng))

    def store(self, rng: Random, script: Script) -> None:
        """Store at one end of one."""
        if self._live:
            script.add("cpu.store", self._end(rng), 4, rng.getrandbits(32))

    def load(self, rng: Random, script: Script) -> None:
        """Load from one end of one."""
        if self._live:
            script.add("cpu.load", self._end(rng), 4)

    def overrun(self, rng: Random, script: Script) -> None:
        """Reach for a guard."""
        if self._live:
            name, offset = rng.choice((("base", -1), ("guard_low", 0), ("guard_high", 0)))
            script.add("cpu.store", field(self._live.peek(rng), name, offset), 1, 1)

    def load_freed(self, rng: Random, script: Script) -> None:
        """Reach for a region that was removed."""
        if self._live.freed:
            script.add("cpu.load", field(rng.choice(self._live.freed), "base"), 1)

    def _end(self, rng: Random) -> Of:
        name, offset = rng.choice((("base", 0), ("end", -4)))
        return field(self._live.peek(rng), name, offset)
