"""The sequences of calls of Lab 4's checks."""

from collections.abc import Sequence
from random import Random
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.heap_model import CPU_FILL
from kernel_sim.checks.heap_ground import ground_of
from kernel_sim.checks.operations import EACH, Case, Of, Place, Script
from kernel_sim.checks.operations_generator import Live, random_case

ALIGNMENTS: Final = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
LARGE_SIZES: Final = ((1 << 31) - 1, (1 << 32) - 1, (1 << 32) - 8, (1 << 32) - 16, (1 << 32) - 64)
SPARE_FRAMES: Final = 8


class Requests:
    """A script of a heap's calls; each block is filled with a byte of its own."""

    def __init__(self) -> None:
        self.script = Script()
        self._byte = 0

    def kmalloc(self, size: int, align: int = 8, *, fill: bool = True) -> Of:
        """Ask for a block, and write to all of it."""
        block = self.script.add("kmalloc", size, align)
        if fill and size:
            self._byte = self._byte % 251 + 1
            self.script.add(CPU_FILL, block, size, self._byte)
        return block

    def kfree(self, block: object) -> None:
        """Give a block back, or what may be none."""
        self.script.add("kfree", block)

    def stats(self) -> None:
        """Ask for the statistics."""
        self.script.add("heap_stats")

    def at(self, place: Place) -> Case:
        """The case that makes these calls."""
        return self.script.at(place)


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
    """Every alignment from a word to a page, with odd sizes between."""
    requests = Requests()
    for align in (*ALIGNMENTS, *rng.sample(ALIGNMENTS, 6)):
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
    for calls in (((start, start),), ((end, start),), ((start, end), (start, end))):
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
    requests.kmalloc(10 * PAGE_SIZE)
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


# --- kfree ----------------------------------------------------------------------------------------


def freed_twice(place: Place, rng: Random) -> Case:
    """Blocks that are given back twice: at once, later, and after their neighbours."""
    requests = Requests()
    blocks = [requests.kmalloc(rng.randint(8, 200)) for _ in range(8)]
    for index in (7, 7, 0, 2, 0, 4, 5, 6, 5, 2):
        requests.kfree(blocks[index])
    requests.stats()
    requests.kfree(blocks[1])
    requests.stats()
    return requests.at(place)


def foreign(place: Place) -> Case:
    """Addresses that kmalloc never returned: far away, behind the last block, at the edges."""
    window = ground_of(place).window
    last = window.end - 64
    pointers = (window.start + 0x2040, last, window.end, window.end + 64, 0xB_8000, 0x1000)
    return _freeing(place, (*pointers, window.start - 4096, 0xFFFF_FFF0))


def interior(place: Place, rng: Random) -> Case:
    """Addresses inside a block, and in front of it."""
    offsets = (8, 16, 1, 32, -8, 8 * rng.randint(5, 20))
    return _freeing(place, tuple(Of(0, 0, offset) for offset in offsets))


def _freeing(place: Place, pointers: Sequence[object]) -> Case:
    """Wrong calls of kfree, and then a right one."""
    requests = Requests()
    block = requests.kmalloc(200)
    requests.kmalloc(40)
    for pointer in pointers:
        requests.kfree(pointer)
    requests.stats()
    requests.kfree(block)
    requests.stats()
    return requests.at(place)


def any_order(place: Place, rng: Random) -> Case:
    """Every block can be given back, in any order."""
    requests = Requests()
    requests.kfree(None)
    blocks = [requests.kmalloc(rng.randint(1, 400)) for _ in range(20)]
    for block in rng.sample(blocks, len(blocks)):
        requests.kfree(block)
    return requests.at(place)


# --- reuse ----------------------------------------------------------------------------------------


def same_again(place: Place) -> Case:
    """A block of nearly half the window is freed and asked for again, twice, with pins between."""
    size = ground_of(place).window.length * 45 // 100
    requests = Requests()
    for _ in range(2):
        block = requests.kmalloc(size, fill=False)
        requests.kmalloc(64, fill=False)
        requests.kfree(block)
    requests.kmalloc(size, fill=False)
    return requests.at(place)


def joined(place: Place, order: Sequence[int]) -> Case:
    """The window is filled, everything given back in this order, and nearly half asked for."""
    window = ground_of(place).window.length
    requests = Requests()
    size = window * 96 // 100 // len(order)
    blocks = requests.script.add("kmalloc", size - 64, 8, times=len(order))
    for turn in order:
        requests.kfree(Of(blocks.step, turn))
    requests.kmalloc(window * 39 // 100, fill=False)
    return requests.at(place)


def split(place: Place) -> Case:
    """The window is filled with large blocks, all given back; then small ones are asked for."""
    window = ground_of(place).window.length
    requests = Requests()
    blocks = requests.script.add("kmalloc", window * 22 // 100, 8, times=5)
    requests.script.add("kfree", Of(blocks.step, EACH), times=4)
    requests.script.add("kmalloc", window // 64, 8, times=36)
    return requests.at(place)


def page_aligned_again(place: Place) -> Case:
    """Page-aligned blocks are freed: the gaps in front of them must be free as well."""
    requests = Requests()
    blocks = requests.script.add("kmalloc", 16, PAGE_SIZE, times=3)
    requests.script.add("kfree", Of(blocks.step, EACH), times=3)
    requests.kmalloc(ground_of(place).window.length * 39 // 100, fill=False)
    return requests.at(place)


# --- statistics -----------------------------------------------------------------------------------


def counted(place: Place, rng: Random) -> Case:
    """Statistics before, between and after; a refusal and a None among the calls."""
    requests = Requests()
    requests.stats()
    blocks = [requests.kmalloc(rng.randint(1, 500), fill=False) for _ in range(5)]
    requests.stats()
    for block in rng.sample(blocks, 3):
        requests.kfree(block)
        requests.stats()
    requests.kmalloc(ground_of(place).window.length + 1, fill=False)
    requests.stats()
    for block in blocks:
        requests.kfree(block)
    requests.stats()
    return requests.at(place)


def recorded(place: Place, rng: Random) -> Case:
    """A few blocks, given back one by one: each time something has to change in memory."""
    requests = Requests()
    blocks = [requests.kmalloc(rng.randint(40, 300)) for _ in range(4)]
    for block in (blocks[1], blocks[2], blocks[0]):
        requests.kfree(block)
    return requests.at(place)
