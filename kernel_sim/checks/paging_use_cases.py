"""The cases of Lab 3's checks in which pages are used: the TLB, table frames, and programs."""

from random import Random

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.operations import Case, Of, Place
from kernel_sim.checks.paging_cases import VGA, PagingScript
from kernel_sim.checks.paging_places import RW, SMALL, USER, R, frame_in, free_page

# --- the TLB --------------------------------------------------------------------------------------


def stale_after_unmap(place: Place, rng: Random) -> Case:
    """A page that was used is unmapped: the next load has to fault."""
    script = PagingScript(place)
    page = free_page(rng)
    script.map(page, script.frame())
    script.add("cpu.store", page + 8, 4, 0x1111)
    script.unmap(page)
    script.add("cpu.load", page + 8, 4)
    return script.case()


def stale_after_remap(place: Place, rng: Random) -> Case:
    """A page gets another frame: the next store has to reach it."""
    script = PagingScript(place)
    page, old, new = free_page(rng), script.frame(), script.frame()
    script.map(page, old)
    script.add("cpu.store", page, 4, 0x1111)
    script.unmap(page)
    script.map(page, new)
    script.add("cpu.store", page, 4, 0x2222)
    return script.case()


def stale_after_protect(place: Place, rng: Random) -> Case:
    """A page that was written becomes read-only: the next store has to fault."""
    script = PagingScript(place)
    page = free_page(rng)
    script.map(page, script.frame())
    script.add("cpu.store", page, 4, 0x1111)
    script.protect(page, R)
    script.add("cpu.store", page, 4, 0x2222)
    script.add("cpu.load", page, 4)
    return script.case()


def stale_for_user(place: Place, rng: Random) -> Case:
    """A page is taken from a program that used it."""
    script = PagingScript(place)
    page = free_page(rng)
    script.map(page, script.frame(), RW | USER)
    script.add("user.load", page, 4)
    script.unmap(page)
    script.add("user.load", page, 4)
    return script.case()


def neighbours_stay(place: Place, rng: Random) -> Case:
    """One of two neighbours is unmapped; the other one is still there."""
    script = PagingScript(place)
    page = free_page(rng)
    for offset in (0, PAGE_SIZE):
        script.map(page + offset, script.frame())
        script.add("cpu.store", page + offset, 4, 0x1111 + offset)
    script.unmap(page)
    script.add("cpu.load", page + PAGE_SIZE, 4)
    return script.case()


def in_order(rng: Random) -> Case:
    """A page is unmapped, its neighbour made read-only, with stores recorded: what came first?"""
    script = PagingScript(Place(SMALL.machine, stores=True))
    page = free_page(rng)
    script.map(page, script.frame())
    script.unmap(page)
    script.map(page + PAGE_SIZE, script.frame())
    script.protect(page + PAGE_SIZE, R)
    return script.case()


# --- frames ---------------------------------------------------------------------------------------


def linked_in_order(rng: Random) -> Case:
    """A new table, with stores recorded."""
    script = PagingScript(Place(SMALL.machine, stores=True))
    script.map(free_page(rng), script.frame())
    return script.case()


def new_tables(place: Place, rng: Random) -> Case:
    """Pages in tables that are not there yet; no frame that is handed out later is one of them."""
    script = PagingScript(place)
    frame = script.frame()
    for _ in range(3):
        script.map(free_page(rng), frame)
    script.add("pmm_alloc_frame", times=5)
    return script.case()


def used_frames(place: Place, rng: Random) -> Case:
    """A frame that was written and given back becomes a table."""
    script = PagingScript(place)
    dirty = script.frame()
    for index in (0, 511, 1023):
        offset = Of(dirty.step, offset=index * 4)
        script.add("cpu.store", offset, 4, frame_in(rng, place) | 7)
    kept = script.frame()
    script.add("pmm_free_frame", dirty)
    script.map(free_page(rng), kept)
    return script.case()


def round_and_round(place: Place, rng: Random) -> Case:
    """The same page is mapped and unmapped again and again: no frame gets lost."""
    script = PagingScript(place)
    page, frame = free_page(rng), script.frame()
    for _ in range(3):
        script.map(page, frame)
        script.unmap(page)
    return script.case()


def refused_again(place: Place, rng: Random) -> Case:
    """The same mapping is refused again and again: no frame gets lost."""
    script = PagingScript(place)
    page, frame = free_page(rng), script.frame()
    for _ in range(4):
        script.map(page, frame)
    return script.case()


# --- the user's side ------------------------------------------------------------------------------


def kernel_from_user(place: Place) -> Case:
    """A program tries to read and to write what is the kernel's."""
    script = PagingScript(place)
    script.add("user.load", 0x10_0000, 4)
    script.add("user.store", VGA, 2, 0x0741)
    return script.case()


def user_pages(place: Place, rng: Random) -> Case:
    """A page for a program beside one of the kernel's, in one table."""
    script = PagingScript(place)
    page = free_page(rng)
    script.map(page, script.frame())
    script.map(page + PAGE_SIZE, script.frame(), RW | USER)
    script.add("user.store", page + PAGE_SIZE, 4, 0x1111)
    script.add("user.load", page, 4)
    return script.case()


def given_to_user(place: Place, rng: Random) -> Case:
    """A page of the kernel's is given to a program; nobody has used it before."""
    script = PagingScript(place)
    page = free_page(rng)
    script.map(page, script.frame())
    script.protect(page, RW | USER)
    script.add("user.store", page, 4, 0x1111)
    return script.case()


def read_only_for_user(place: Place, rng: Random) -> Case:
    """A page that a program may read and not write."""
    script = PagingScript(place)
    page = free_page(rng)
    script.map(page, script.frame(), R | USER)
    script.add("user.load", page, 4)
    script.add("user.store", page, 4, 1)
    return script.case()
