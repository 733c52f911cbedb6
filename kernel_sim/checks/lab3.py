"""The visible checks of Lab 3, paging."""

from random import Random
from typing import Final

from kernel_sim.checks import paging_cases as cases
from kernel_sim.checks import paging_places as places
from kernel_sim.checks import paging_use_cases as use
from kernel_sim.checks.check import Check, Result
from kernel_sim.checks.paging_fault_cases import reporting, touching
from kernel_sim.checks.paging_gate import first_boot
from kernel_sim.checks.paging_lab import examiner, part
from kernel_sim.checks.paging_places import PC4, PC18, SMALL
from kernel_sim.checks.paging_rules import Rule
from kernel_sim.checks.subject import Subject

LAB: Final = "lab3"
GATE: Final = first_boot
TABLES: Final = (Rule.MAPPED, Rule.NOTHING_ELSE, Rule.RIGHTS, Rule.USER)
CALLS: Final = (Rule.ADOPT, Rule.CALLS, Rule.MAPPED, Rule.NOTHING_ELSE, Rule.RIGHTS)
TLB: Final = (Rule.ADOPT, Rule.ACCESSES)
FRAMES: Final = (Rule.ADOPT, Rule.FRAMES, Rule.NOTHING_ELSE)


def tables(subject: Subject, seed: int) -> Result:
    """An independent walker finds every page of the layout, with its frame and its flags."""
    rng = Random(f"{seed} tables")
    judge = examiner(subject, "tables", *TABLES)
    requests, across = places.single_pages(rng, SMALL), places.across_tables(rng, SMALL)
    return Result.of_parts(
        [
            part("the kernel's layout", judge, [cases.building(SMALL), cases.building(PC4)]),
            part("other requests", judge, [cases.building(SMALL, requests)]),
            part("from table to table", judge, [cases.building(SMALL, across)]),
            part("page by page", judge, [cases.mapping_one_by_one(SMALL, rng, requests)]),
        ]
    )


def identity_map(subject: Subject, seed: int) -> Result:
    """All memory below the limit is mapped one to one, and a store to the screen shows."""
    judge = examiner(subject, "identity-map", Rule.MAPPED, Rule.ACCESSES)
    place = places.several_tables(Random(f"{seed} identity-map"))
    small = cases.using_identity(SMALL)
    return Result.of_parts(
        [
            part("18 MiB", judge, [cases.building(SMALL), cases.building(PC18)]),
            part("the screen", judge, [small]),
            part("memory of several tables", judge, [small, cases.using_identity(place)]),
        ]
    )


def enable_paging(subject: Subject, seed: int) -> Result:
    """CR3 gets the root, then CR0.PG is set, and the kernel goes on."""
    judge = examiner(subject, "enable-paging", Rule.CONTROL)
    place = places.two_banks(Random(f"{seed} enable-paging"))
    return Result.of_parts(
        [
            part("pc4", judge, [cases.enabling(SMALL), cases.enabling(PC4)]),
            part("memory in two banks", judge, [cases.enabling(place)]),
        ]
    )


def map_unmap(subject: Subject, seed: int) -> Result:
    """map_page, unmap_page and translate do what they say, and refuse what makes no sense."""
    rng = Random(f"{seed} map-unmap")
    judge = examiner(subject, "map-unmap", *CALLS)
    owned = examiner(subject, "map-unmap", *CALLS, Rule.FRAMES)
    return Result.of_parts(
        [
            part("before paging", judge, [cases.round_trip(SMALL, rng, on=False)]),
            part("with paging", judge, [cases.round_trip(SMALL, rng, on=True)]),
            part("refusals", judge, [cases.refusals(SMALL, rng)]),
            part("when memory is used up", owned, [cases.no_frames_left(places.tiny(rng), rng)]),
            part("many calls", judge, [cases.at_random(SMALL, rng, 25)]),
        ]
    )


def tlb(subject: Subject, seed: int) -> Result:
    """What was unmapped or made read-only can no longer be used: INVLPG after every such change."""
    rng = Random(f"{seed} tlb")
    judge = examiner(subject, "tlb", *TLB)
    protected = examiner(subject, "tlb", *TLB, Rule.MAPPED, Rule.RIGHTS)
    order = examiner(subject, "tlb", Rule.ADOPT, Rule.FLUSHED)
    return Result.of_parts(
        [
            part(
                "after unmap_page",
                judge,
                [use.stale_after_unmap(SMALL, rng), use.stale_after_remap(SMALL, rng)],
            ),
            part("after protect_page", protected, [use.stale_after_protect(SMALL, rng)]),
            part("first the entry, then INVLPG", order, [use.in_order(rng)]),
        ]
    )


def table_frames(subject: Subject, seed: int) -> Result:
    """Tables lie in frames of the allocator, zeroed before they are linked, and none gets lost."""
    rng = Random(f"{seed} table-frames")
    judge = examiner(subject, "table-frames", *FRAMES)
    order = examiner(subject, "table-frames", Rule.ADOPT, Rule.LINKED)
    return Result.of_parts(
        [
            part(
                "owned and zeroed",
                judge,
                [
                    cases.building(SMALL),
                    use.new_tables(SMALL, rng),
                    use.used_frames(SMALL, rng),
                ],
            ),
            part("zeroed before the link", order, [use.linked_in_order(rng)]),
            part("not lost", judge, [use.round_and_round(SMALL, rng)]),
        ]
    )


def page_fault(subject: Subject, seed: int) -> Result:
    """A page fault is reported with its address and the meaning of its error code."""
    rng = Random(f"{seed} page-fault")
    judge = examiner(subject, "page-fault", Rule.ADOPT, Rule.REPORT)
    return Result.of_parts(
        [
            part("a write to nowhere", judge, [touching(SMALL, 0xDEAD_BEE8)]),
            part("each error code", judge, [reporting(SMALL, rng)]),
        ]
    )


def user_access(subject: Subject, seed: int) -> Result:
    """A program reaches the pages that are mapped for it, and none of the kernel's."""
    rng = Random(f"{seed} user-access")
    judge = examiner(subject, "user-access", Rule.USER, Rule.ACCESSES)
    pages = [use.user_pages(SMALL, rng), use.given_to_user(SMALL, rng)]
    return Result.of_parts(
        [
            part("the kernel's memory", judge, [use.kernel_from_user(SMALL)]),
            part("a program's page", judge, pages),
        ]
    )


CHECKS: Final = (
    Check("tables", LAB, ("KV-19",), tables),
    Check("identity-map", LAB, ("KV-20", "KV-21"), identity_map),
    Check("enable-paging", LAB, ("KV-22", "KV-23"), enable_paging),
    Check("map-unmap", LAB, ("KV-19", "KV-25"), map_unmap),
    Check("tlb", LAB, ("KV-26",), tlb),
    Check("table-frames", LAB, ("KV-25",), table_frames),
    Check("page-fault", LAB, ("KV-24",), page_fault),
    Check("user-access", LAB, ("KV-26",), user_access),
)
