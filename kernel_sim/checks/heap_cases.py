"""The sequences of calls of Lab 4's checks: blocks, windows, growth, and no more memory."""

from random import Random
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.heap_ground import ground_of
from kernel_sim.checks.heap_requests import Requests
from kernel_sim.checks.operations import EACH, Case, Of, Place, Script
from kernel_sim.checks.operations_generator import Live, random_case

ALIGNMENTS: Final = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
LARGE_SIZES: Final = ((1 << 31) - 1, (1 << 32) - 1, (1 << 32) - 8, (1 << 32) - 16, (1 << 32) - 64)
SPARE_FRAMES: Final = 8


# --- blocks ---------------------------------------------------------------------------------------


def churning(
    place: Place, rng: Random, length: int, *, largest: int = 700, frees: float = 4.5
) -> Case:
    """Allocate, write and free at random: sizes up to ``largest``, now and then a page more."""
    live = Live()
    requests = Requests()

    def allocate(rng: Random, _: Script) -> None:
        size = rng.choice((1, 8, 12, 24, rng.randint(1, 64), rng.randint(1, largest)))
        if rng.random() < 0.02:
            size += PAGE_SIZE
        align = 8 if rng.random() < 0.85 else rng.choice(ALIGNMENTS[:-2])
        live.add(requests.kmalloc(size, align))

    def free(rng: Random, _: Script) -> None:
        if len(live):
            requests.kfree(live.take(rng))

    random_case(rng, place, [(5, allocate), (frees, free)], length)
    return requests.at(place)


def aligned(place: Place, rng: Random) -> Case:
    """Every alignment from a page to a word, with odd sizes between.

    The largest come first: by chance a block is seldom aligned to a page, or as far from one as a
    header is long, so that the first failure tells what was aligned.
    """
    requests = Requests()
    requests.kmalloc(104)
    for align in (*ALIGNMENTS[::-1], *rng.sample(ALIGNMENTS, 6)):
        requests.kmalloc(rng.choice((1, 3, 5, 13, 21)))
        requests.kmalloc(rng.randint(1, 200), align)
    return requests.at(place)


def odd_sizes(place: Place, rng: Random) -> Case:
    """Sizes that are no multiple of anything, each block written to its last byte."""
    requests = Requests()
    for size in (1, 2, 3, 5, 7, 9, 15, 17, 31, 33, *rng.sample(range(1, 300), 8)):
        requests.kmalloc(size)
    return requests.at(place)


def refilled(place: Place, rng: Random) -> Case:
    """Blocks between two live ones are freed and asked for again, with other sizes."""
    requests = Requests()
    blocks = [requests.kmalloc(rng.randint(16, 200)) for _ in range(12)]
    for block in rng.sample(blocks, 6):
        requests.kfree(block)
    for _ in range(8):
        requests.kmalloc(rng.randint(8, 260))
    return requests.at(place)


def of_size_zero(place: Place) -> Case:
    """Requests of nothing between requests of something."""
    requests = Requests()
    requests.kmalloc(0)
    requests.kmalloc(16)
    requests.kmalloc(0)
    requests.kmalloc(24)
    return requests.at(place)


# --- the window -----------------------------------------------------------------------------------


def filled(place: Place, size: int) -> Case:
    """Blocks of one size until there is no room, and a little further."""
    requests = Requests()
    count = ground_of(place).window.length // max(size, 1) + 2
    requests.script.add("kmalloc", size, 8, times=count)
    return requests.at(place)


def filled_by(place: Place, count: int) -> Case:
    """About so many blocks of one size, and a little further.

    However large the window is: a first fit that begins in front is quadratic.
    """
    return filled(place, ground_of(place).window.length // count)


def filled_at_random(place: Place, rng: Random) -> Case:
    """Blocks of all sizes until the window is more than full, each of them written."""
    requests = Requests()
    room = ground_of(place).window.length * 3 // 2
    while room > 0:
        size = rng.choice((rng.randint(1, 100), rng.randint(100, 1500), rng.randint(1500, 5000)))
        requests.kmalloc(size)
        room -= size
    return requests.at(place)


def too_large(place: Place) -> Case:
    """Requests that no window can serve; the heap goes on as if nothing had been asked."""
    requests = Requests()
    requests.kmalloc(40)
    for size in (ground_of(place).window.length + 1, *LARGE_SIZES):
        requests.kmalloc(size, fill=False)
        requests.kmalloc(40)
    return requests.at(place)


def wrong_ranges(place: Place) -> list[Case]:
    """Ranges that ``heap_init`` has to refuse, and a second call."""
    start, end = 0xC100_0000, 0xC101_0000
    made: list[Case] = []
    for calls in (((start, start), (end, start)), ((start, end), (start, end))):
        script = Script()
        for call in calls:
            script.add("heap_init", *call)
        made.append(script.at(Place(place.machine, "paging", seed=place.seed)))
    again = Requests()
    again.kmalloc(40)
    again.script.add("heap_init", start, end)
    again.kmalloc(40)
    return [*made, again.at(place)]


# --- growth ---------------------------------------------------------------------------------------


def growing(place: Place, rng: Random) -> Case:
    """Blocks of a page and of several, with small ones between."""
    requests = Requests()
    requests.kmalloc(3 * PAGE_SIZE)
    for _ in range(6):
        requests.kmalloc(rng.randint(1, 300))
        requests.kmalloc(rng.randint(1, 5) * PAGE_SIZE + rng.randint(-40, 40))
    return requests.at(place)


def growing_by_little(place: Place) -> Case:
    """Small blocks, over several page boundaries."""
    requests = Requests()
    for size in (1500, 1500, 1500, 2500, 3000, 900, 4000, 100, 4000):
        requests.kmalloc(size)
    return requests.at(place)


# --- out of memory --------------------------------------------------------------------------------


def exhausted(place: Place, pages: int) -> Case:
    """A request that finds too few frames, then one that does not, then more frames."""
    requests = Requests()
    requests.kmalloc(100)
    frames = _drain(requests, place)
    requests.script.add("pmm_free_frame", Of(frames.step, EACH), times=SPARE_FRAMES)
    requests.kmalloc(pages * PAGE_SIZE, fill=False)
    requests.kmalloc(2000)
    for turn in range(SPARE_FRAMES, SPARE_FRAMES + 24):
        requests.script.add("pmm_free_frame", Of(frames.step, turn))
    requests.kmalloc(7 * PAGE_SIZE)
    return requests.at(place)


def without_a_table(place: Place) -> Case:
    """The first request finds one frame, where it needs a page table, too."""
    requests = Requests()
    frames = _drain(requests, place)
    requests.script.add("pmm_free_frame", Of(frames.step))
    requests.kmalloc(100)
    return requests.at(place)


def used_up(place: Place) -> Case:
    """No frame is left, the heap fills what it has; it still takes back and counts right."""
    requests = Requests()
    first = requests.kmalloc(100)
    _drain(requests, place)
    requests.kmalloc(2 * PAGE_SIZE, fill=False)
    requests.stats()
    requests.kfree(first)
    requests.stats()
    return requests.at(place)


def _drain(requests: Requests, place: Place) -> Of:
    return requests.script.add("pmm_alloc_frame", times=ground_of(place).free_frames + 1)
