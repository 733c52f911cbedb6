"""Machines and layouts for Lab 3's checks: small, so that tables can be swept after every call."""

from random import Random
from typing import Final

from kernel_sim.addr import LARGE_PAGE_SIZE_32, ONE_MIB, PAGE_SIZE
from kernel_sim.checks.firmware_map import FirmwareMap, Row
from kernel_sim.checks.operations import Place
from kernel_sim.host.boot_steps import kernel_layout
from kernel_sim.machine.firmware.available import available_ranges, physical_limit
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import AddrRange, MapRequest

R: Final = PageTableFlags.PRESENT
RW: Final = R | PageTableFlags.WRITABLE
USER: Final = PageTableFlags.USER_ACCESSIBLE
FLAGS: Final = (RW, R, RW | USER, R | USER, RW | PageTableFlags.NO_CACHE)
LOW: Final = (Row(0, 0x9_FC00, 1), Row(0x9_FC00, 0x400, 2), Row(0xF_0000, 0x1_0000, 2))
"""The first MiB as every PC has it."""
PC4: Final = Place("pc4")
PC18: Final = Place(str(FirmwareMap((*LOW, Row(ONE_MIB, 17 * ONE_MIB, 1)))))
"""Four full tables and half of one: more than the 4, 8 or 16 MiB that one may think of."""
SMALL: Final = Place(str(FirmwareMap((*LOW, Row(ONE_MIB, 0x5_1000, 1)))))
"""As little memory as a kernel boots with."""
FREE_SPACE: Final = AddrRange(0xD000_0000, 0xF000_0000)
"""Addresses that the kernel does not use at boot."""


def limit_of(place: Place) -> int:
    """One past the last byte that the kernel maps one to one there."""
    return physical_limit(available_ranges(place.spec()))


def layout_of(place: Place) -> list[MapRequest]:
    """What the kernel asks for there."""
    return kernel_layout(limit_of(place))


def tiny(rng: Random) -> Place:
    """A machine that soon runs out of frames."""
    frames = rng.randrange(67, 90)
    return _made(rng, [*LOW, Row(ONE_MIB, frames * PAGE_SIZE, 1)])


def several_tables(rng: Random) -> Place:
    """Memory that needs a second table, which is not full."""
    frames = rng.randrange(850, 1300) | 1
    return _made(rng, [*LOW, Row(ONE_MIB, frames * PAGE_SIZE, 1)])


def two_banks(rng: Random) -> Place:
    """Memory with a hole that no entry describes; the second part begins in another table."""
    first = rng.randrange(70, 90) * PAGE_SIZE
    second = LARGE_PAGE_SIZE_32 + rng.randrange(3, 30) * PAGE_SIZE
    return _made(
        rng, [*LOW, Row(ONE_MIB, first, 1), Row(second, rng.randrange(20, 60) * PAGE_SIZE, 1)]
    )


def with_large_pages(rng: Random) -> Place:
    """Memory of more than 8 MiB, and CR4.PSE is on."""
    frames = rng.randrange(1850, 2300) | 1
    made = _made(rng, [*LOW, Row(ONE_MIB, frames * PAGE_SIZE, 1)])
    return Place(made.machine, seed=made.seed, pse=True)


def _made(rng: Random, rows: list[Row]) -> Place:
    return Place(str(FirmwareMap(tuple(rows))), seed=rng.randrange(1000))


def free_page(rng: Random) -> int:
    """An address that nothing uses, away from the edges of its table."""
    spans = range(FREE_SPACE.start, FREE_SPACE.end, LARGE_PAGE_SIZE_32)
    return rng.choice(spans) + rng.randrange(3, 900) * PAGE_SIZE


def frame_in(rng: Random, place: Place) -> int:
    """A physical page that nobody touches: behind memory, so that it can't be a table."""
    first = max(limit_of(place), LARGE_PAGE_SIZE_32)
    return rng.randrange(first // PAGE_SIZE, 0xB000_0000 // PAGE_SIZE) * PAGE_SIZE


def request(page: int, count: int, physical: int, flags: PageTableFlags, name: str) -> MapRequest:
    """A request for ``count`` pages."""
    return MapRequest(AddrRange(page, page + count * PAGE_SIZE), physical, flags, name)


def single_pages(rng: Random, place: Place) -> list[MapRequest]:
    """Pages here and there, each with other flags."""
    pages = rng.sample(range(FREE_SPACE.start, FREE_SPACE.end, LARGE_PAGE_SIZE_32), len(FLAGS))
    return [
        request(
            page + rng.randrange(1, 1023) * PAGE_SIZE, 1, frame_in(rng, place), flags, f"page {i}"
        )
        for i, (page, flags) in enumerate(zip(pages, FLAGS, strict=True))
    ]


def across_tables(rng: Random, place: Place) -> list[MapRequest]:
    """Two short runs of pages: one goes on in the next table, one ends where its table does."""
    first, second = rng.sample(range(FREE_SPACE.start, FREE_SPACE.end, 4 * LARGE_PAGE_SIZE_32), 2)
    count = rng.randrange(3, 8)
    runs = (
        (first + LARGE_PAGE_SIZE_32 - rng.randrange(1, count) * PAGE_SIZE, "runs on"),
        (second + LARGE_PAGE_SIZE_32 - count * PAGE_SIZE, "ends"),
    )
    return [
        request(page, count, frame_in(rng, place), rng.choice((RW, R)), name) for page, name in runs
    ]


def mixed_rights(rng: Random, place: Place) -> list[MapRequest]:
    """Neighbours in one table with different rights: the kernel's beside a program's."""
    page = free_page(rng)
    order = (R, *rng.sample((RW, RW | USER, R | USER), 3))
    return [
        request(page + i * PAGE_SIZE, 1, frame_in(rng, place), flags, f"neighbour {i}")
        for i, flags in enumerate(order)
    ]


def large_runs(rng: Random, place: Place) -> list[MapRequest]:
    """Two runs of more than 4 MiB; only the frames of one are aligned like its pages."""
    first, second = rng.sample(range(FREE_SPACE.start, FREE_SPACE.end, 4 * LARGE_PAGE_SIZE_32), 2)
    count = LARGE_PAGE_SIZE_32 // PAGE_SIZE + rng.randrange(1, 30)
    aligned = frame_in(rng, place) & -LARGE_PAGE_SIZE_32
    beside = aligned + rng.randrange(1, 1024, 2) * PAGE_SIZE
    return [
        request(first, count, beside, rng.choice((RW, R)), "beside"),
        request(second, count, aligned, RW, "aligned"),
    ]
