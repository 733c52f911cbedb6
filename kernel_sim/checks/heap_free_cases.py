"""The sequences of calls of Lab 4's checks: giving back, asking again, and counting."""

from collections.abc import Sequence
from random import Random

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.heap_ground import ground_of
from kernel_sim.checks.heap_requests import Requests
from kernel_sim.checks.operations import EACH, Case, Of, Place

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


def right_and_wrong(place: Place, other: Place, rng: Random) -> dict[str, Case]:
    """What may be freed and what may not, by title; half of it at another place."""
    return {
        "right": any_order(place, rng),
        "twice": freed_twice(other, rng),
        "foreign": foreign(other),
        "inside a block": interior(place, rng),
    }


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


def joined_all(place: Place, order: Sequence[int]) -> list[Case]:
    """`joined` with a small block that stays, and without one."""
    return [joined(place, order), joined(place, order, pin=False)]


def joined(place: Place, order: Sequence[int], *, pin: bool = True) -> Case:
    """The window is filled, all but the pin given back in this order, and 39 % asked for."""
    window = ground_of(place).window.length
    requests = Requests()
    size = window * 96 // 100 // len(order)
    blocks = requests.script.add("kmalloc", size - 64, 8, times=len(order))
    if pin:
        requests.kmalloc(64, fill=False)
    for turn in order:
        requests.kfree(Of(blocks.step, turn))
    requests.kmalloc(window * 39 // 100, fill=False)
    return requests.at(place)


def split(place: Place) -> Case:
    """The window is filled with large blocks, which are given back; then small ones are wanted."""
    window = ground_of(place).window.length
    requests = Requests()
    blocks = requests.script.add("kmalloc", window * 22 // 100, 8, times=4)
    requests.kmalloc(64, fill=False)
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
    """Statistics before, between and after; a None among the calls."""
    requests = Requests()
    requests.stats()
    blocks = [requests.kmalloc(rng.randint(1, 500), fill=False) for _ in range(5)]
    requests.stats()
    some = rng.sample(blocks, 3)
    for block in some:
        requests.kfree(block)
        requests.stats()
    requests.kmalloc(ground_of(place).window.length + 1, fill=False)
    requests.stats()
    for block in blocks:
        if block not in some:
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
