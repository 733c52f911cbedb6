"""The cases of Lab 3's checks: what is mapped, unmapped, stored and loaded, in order.

Every case begins by building tables; most turn paging on, so that the processor walks them::

    1 init_paging(layout)   2 enable_paging(r1)   3 pmm_alloc_frame()   4 map_page(r1, page, r3, …)
"""

from collections.abc import Callable, Sequence
from random import Random

from kernel_sim.addr import LARGE_PAGE_SIZE_32, PAGE_SIZE
from kernel_sim.checks.operations import Case, Of, Place, Script
from kernel_sim.checks.operations_generator import random_case
from kernel_sim.checks.paging_places import RW, USER, R, frame_in, free_page, layout_of
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import MapRequest

VGA = 0xB_8000
MANY = 120
"""More frames than a tiny machine has."""


class PagingScript(Script):
    """Calls after the tables were built; ``root`` stands for their root.

    Args:
        place: where.
        on: whether paging is turned on.
        more: requests beside the kernel's own.
    """

    def __init__(self, place: Place, *, on: bool = True, more: Sequence[MapRequest] = ()) -> None:
        super().__init__()
        self.place = place
        self.root = self.add("init_paging", [*layout_of(place), *more])
        if on:
            self.add("enable_paging", self.root)

    def frame(self) -> Of:
        """A fresh frame."""
        return self.add("pmm_alloc_frame")

    def map(self, page: int, frame: object, flags: PageTableFlags = RW) -> None:
        """Map one page."""
        self.add("map_page", self.root, page, frame, flags)

    def unmap(self, page: int) -> None:
        """Unmap one page."""
        self.add("unmap_page", self.root, page)

    def protect(self, page: int, flags: PageTableFlags) -> None:
        """Give a page other flags."""
        self.add("protect_page", self.root, page, flags)

    def translate(self, address: int) -> None:
        """Ask where an address leads."""
        self.add("translate", self.root, address)

    def case(self) -> Case:
        """What has been put together."""
        return self.at(self.place)


Make = Callable[[Random], Case]


# --- building tables ------------------------------------------------------------------------------


def building(place: Place, more: Sequence[MapRequest] = ()) -> Case:
    """Tables are built, and paging stays off."""
    return PagingScript(place, on=False, more=more).case()


def mapping_one_by_one(place: Place, rng: Random, requests: Sequence[MapRequest]) -> Case:
    """The same pages, by `map_page`."""
    script = PagingScript(place, on=rng.random() < 0.5)
    for item in requests:
        for page in range(item.virtual.start, item.virtual.end, PAGE_SIZE):
            frame = item.physical + page - item.virtual.start
            script.map(page, frame, item.flags)
    return script.case()


# --- turning paging on ----------------------------------------------------------------------------


def enabling(place: Place) -> Case:
    """Paging is turned on, and a load shows that the machine goes on."""
    script = PagingScript(place)
    script.add("cpu.load", 0x10_0000, 4)
    return script.case()


def using_identity(place: Place) -> Case:
    """The screen, the interrupt controllers and the ends of memory are reached one to one."""
    script = PagingScript(place)
    script.add("cpu.store", VGA, 2, 0x0741)
    script.add("cpu.load", VGA, 2)
    limit = layout_of(place)[0].virtual.end
    script.add("cpu.store", limit - 4, 4, 0x1234)
    return script.case()


# --- the interface --------------------------------------------------------------------------------


def round_trip(place: Place, rng: Random, *, on: bool) -> Case:
    """Map, translate, unmap, and translate again."""
    script = PagingScript(place, on=on)
    page, frame = free_page(rng), script.frame()
    script.map(page, frame, rng.choice((RW, R)))
    script.translate(page + rng.randrange(1, PAGE_SIZE))
    script.translate(page)
    script.unmap(page)
    script.translate(page)
    return script.case()


def refusals(place: Place, rng: Random) -> Case:
    """What has to be refused: pages that are mapped, and pages that are not."""
    script = PagingScript(place)
    page = free_page(rng)
    script.unmap(page)
    script.translate(page + 8)
    script.map(page, script.frame())
    script.map(page, script.frame(), R)
    script.translate(page)
    script.unmap(page + PAGE_SIZE)
    script.translate(page - PAGE_SIZE)
    script.map(layout_of(place)[0].virtual.end - PAGE_SIZE, frame_in(rng, place))
    script.unmap(page)
    script.unmap(page)
    return script.case()


def no_frames_left(place: Place, rng: Random) -> Case:
    """A page that needs a new table when there is no frame for it."""
    script = PagingScript(place)
    script.add("pmm_alloc_frame", times=MANY)
    script.map(free_page(rng), frame_in(rng, place))
    script.add("cpu.store", VGA, 2, 0x0741)
    return script.case()


def in_large_page(place: Place, rng: Random) -> Case:
    """Calls about a page in the middle of what may be a 4 MiB page."""
    script = PagingScript(place)
    page = LARGE_PAGE_SIZE_32 + rng.randrange(5, 900) * PAGE_SIZE
    script.translate(page + rng.randrange(1, PAGE_SIZE))
    script.map(page, frame_in(rng, place))
    script.unmap(page)
    script.translate(page + 2 * PAGE_SIZE)
    return script.case()


def another_root(place: Place, rng: Random) -> Case:
    """Two directories, one of them in use: what is mapped in one is not mapped in the other."""
    script = PagingScript(place, on=False)
    other = script.add("init_paging", layout_of(place))
    script.add("enable_paging", script.root)
    page = free_page(rng)
    script.add("map_page", other, page, frame_in(rng, place), RW)
    script.translate(page)
    script.map(page, frame_in(rng, place))
    script.add("unmap_page", other, page)
    script.translate(page)
    return script.case()


def at_random(place: Place, rng: Random, length: int) -> Case:
    """Many calls about few pages: in one table, at its edges, and in others."""
    start = PagingScript(place)
    pool = _pool(rng)
    frames = [start.frame() for _ in range(4)]
    root = start.root

    def mapping(rng: Random, script: Script) -> None:
        flags = rng.choice((RW, R, RW, RW | USER))
        script.add("map_page", root, rng.choice(pool), rng.choice(frames), flags)

    def unmapping(rng: Random, script: Script) -> None:
        script.add("unmap_page", root, rng.choice(pool))

    def asking(rng: Random, script: Script) -> None:
        script.add("translate", root, rng.choice(pool) + rng.randrange(PAGE_SIZE))

    moves = [(5.0, mapping), (3.0, unmapping), (2.0, asking)]
    made = random_case(rng, place, moves, length)
    return Case(place, (*start, *made.calls))


def _pool(rng: Random) -> list[int]:
    table = rng.randrange(0xD000_0000, 0xE800_0000, LARGE_PAGE_SIZE_32)
    inside = [table + index * PAGE_SIZE for index in (0, 1, rng.randrange(2, 1023), 1023)]
    return [*inside, table + LARGE_PAGE_SIZE_32, table + 5 * LARGE_PAGE_SIZE_32 + PAGE_SIZE]
