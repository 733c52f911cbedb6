"""Cases for the page-fault handler: faults that happen, and faults that are described to it."""

from collections.abc import Sequence
from random import Random
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.operations import Case, Place, Script
from kernel_sim.checks.paging_cases import PagingScript
from kernel_sim.checks.paging_places import RW, R, free_page
from kernel_sim.values import PageFault

CODES: Final = (0, 1, 2, 3, 4, 6, 7)
"""Each of P, W/R and U/S set and clear, in pairs that differ in one bit."""
RARE_CODES: Final = (0x0, 0x10, 0x1, 0x9)
"""An instruction fetch and a reserved bit beside the same without."""


def fault_with(code: int, address: int) -> PageFault:
    """A fault with an error code, as the kernel describes it to the chain."""
    return PageFault(address, code, 0x1_0000, 0x9_F000, 0x9_FB00, 3 if code & 4 else 0)


def reporting(place: Place, rng: Random, codes: Sequence[int] = CODES) -> Case:
    """The handler is asked about one error code after the other."""
    script = Script()
    address = free_page(rng) + rng.randrange(0, PAGE_SIZE, 4)
    for code in codes:
        script.add("page_fault", fault_with(code, address))
    return script.at(Place(place.machine, until="paging", seed=place.seed, pse=place.pse))


def touching(place: Place, address: int) -> Case:
    """A write to a page that nothing maps."""
    script = PagingScript(place)
    script.add("cpu.store", address, 4, 0x1234)
    return script.case()


def forbidden(place: Place, rng: Random) -> Case:
    """A write to a read-only page, a program's read of the kernel, and a read of nothing."""
    script = PagingScript(place)
    page = free_page(rng)
    script.map(page, script.frame(), R)
    script.add("cpu.store", page, 4, 1)
    script.add("user.load", page, 4)
    script.add("cpu.load", page + PAGE_SIZE, 4)
    return script.case()


def after_unmapping(place: Place, rng: Random) -> Case:
    """A page that was there a moment ago."""
    script = PagingScript(place)
    page = free_page(rng)
    script.map(page, script.frame(), RW)
    script.unmap(page)
    script.add("user.store", page, 4, 1)
    return script.case()
