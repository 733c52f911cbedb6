"""What Lab 3 knows about sequences of calls: its judge, and simpler places and pages."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.check import Part
from kernel_sim.checks.operations import Call, Case, Place
from kernel_sim.checks.operations_check import OperationLab, SequenceExaminer
from kernel_sim.checks.operations_run import OracleMaker
from kernel_sim.checks.paging_oracle import PagingOracle
from kernel_sim.checks.paging_rules import Rule
from kernel_sim.checks.subject import Subject
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import AddrRange, MapRequest

PLAIN_PAGE: Final = 0xD000_0000
PLAIN_FRAME: Final = 0x20_0000
PLAIN_FLAGS: Final = PageTableFlags.PRESENT | PageTableFlags.WRITABLE
ONE_BY_ONE: Final = 1
"""Calls between two looks into RAM: the call that spoils a table is the one that is named."""


def simpler_calls(call: Call) -> Iterator[Call]:
    """The same call with fewer requests, or with a rounder page."""
    if call.hook == "init_paging" and call.args and isinstance(call.args[0], list):
        for layout in _simpler_layouts(call.args[0]):
            yield replace(call, args=(layout,))
    if call.hook in {"map_page", "translate", "unmap_page"} and isinstance(call.args[1], int):
        for page in (PLAIN_PAGE, PLAIN_PAGE + PAGE_SIZE):
            if page != call.args[1]:
                yield replace(call, args=(call.args[0], page, *call.args[2:]))


def _simpler_layouts(layout: list[MapRequest]) -> Iterator[list[MapRequest]]:
    """One request less, or shorter, or with plain flags; the identity map stays as it is."""
    for index in range(len(layout) - 1, 0, -1):
        yield [*layout[:index], *layout[index + 1 :]]
    for index, item in enumerate(layout[1:], start=1):
        start = item.virtual.start
        for pages in (1, 2, 1025):
            if item.virtual.length > pages * PAGE_SIZE:
                shorter = AddrRange(start, start + pages * PAGE_SIZE)
                yield [*layout[:index], replace(item, virtual=shorter), *layout[index + 1 :]]
        if item.flags != PLAIN_FLAGS:
            yield [*layout[:index], replace(item, flags=PLAIN_FLAGS), *layout[index + 1 :]]


def simpler_places(case: Case) -> Iterable[Place]:
    """The same on a machine of 4 MiB."""
    place = case.place
    if place.machine != "pc4" and not place.pse:
        yield replace(place, machine="pc4", seed=0)


OPERATIONS: Final = OperationLab(
    "lab3",
    "paging",
    PagingOracle,
    simpler_places,
    simpler_calls,
    aside=frozenset({"pmm_alloc_frame", "pmm_free_frame"}),
)


def judging(*rules: Rule) -> OracleMaker:
    """A judge of these rules alone."""
    return partial(PagingOracle, rules=frozenset(rules))


def examiner(subject: Subject, check: str, *rules: Rule) -> SequenceExaminer:
    """The examiner of one of Lab 3's checks."""
    return SequenceExaminer(OPERATIONS, subject, check, judging(*rules), ONE_BY_ONE)


def part(title: str, judge: SequenceExaminer, cases: Iterable[Case]) -> Part:
    """One question: whether the plugin is right in all cases."""
    return Part(title, judge.first_finding(cases))
