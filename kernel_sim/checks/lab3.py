"""The visible checks of Lab 3, paging."""

from random import Random
from typing import Final

from kernel_sim.checks import paging_cases as cases
from kernel_sim.checks import paging_places as places
from kernel_sim.checks.check import Check, Result
from kernel_sim.checks.paging_fault_cases import reporting, touching
from kernel_sim.checks.operations import Place
from kernel_sim.checks.paging_gate import first_boot
from kernel_sim.checks.paging_lab import examiner, part
from kernel_sim.checks.paging_places import PC4
from kernel_sim.checks.paging_rules import Rule
from kernel_sim.checks.subject import Subject

LAB: Final = "lab3"
GATE: Final = first_boot
PC128: Final = Place("pc128")
TABLES: Final = (Rule.MAPPED, Rule.NOTHING_ELSE, Rule.RIGHTS, Rule.USER)
CALLS: Final = (Rule.ADOPT, Rule.CALLS, Rule.MAPPED, Rule.NOTHING_ELSE, Rule.RIGHTS)
TLB: Final = (Rule.ADOPT, Rule.ACCESSES)
FRAMES: Final = (Rule.ADOPT, Rule.FRAMES, Rule.NOTHING_ELSE)


def tables(subject: Subject, seed: int) -> Result:
    """An independent walker finds every page of the layout, with its frame and its flags."""
    rng = Random(f"{seed} tables")
    judge = examiner(subject, "tables", *TABLES)
    requests = places.single_pages(rng, PC4)
    return Result.of_parts(
        [
            part("the kernel's layout", judge, [cases.building(PC4)]),
            part(
                "other requests",
                judge,
                [cases.building(PC4, [item]) for item in requests]
                + [cases.building(PC4, [item]) for item in places.across_tables(rng, PC4)],
            ),
            part("page by page", judge, [cases.mapping_one_by_one(PC4, rng, requests)]),
        ]
    )


def identity_map(subject: Subject, seed: int) -> Result:
    """All memory below the limit is mapped one to one, and a store to the screen shows."""
    judge = examiner(subject, "identity-map", Rule.MAPPED, Rule.ACCESSES)
    place = places.several_tables(Random(f"{seed} identity-map"))
    return Result.of_parts(
        [
            part("pc128", judge, [cases.building(PC128)]),
            part("the screen", judge, [cases.using_identity(PC4)]),
            part("memory of several tables", judge, [cases.using_identity(place)]),
        ]
    )


def enable_paging(subject: Subject, seed: int) -> Result:
    """CR3 gets the root, then CR0.PG is set, and the kernel goes on."""
    judge = examiner(subject, "enable-paging", Rule.CONTROL)
    place = places.two_banks(Random(f"{seed} enable-paging"))
    return Result.of_parts(
        [
            part("pc4", judge, [cases.enabling(PC4)]),
            part("memory in two banks", judge, [cases.enabling(place)]),
        ]
    )


def map_unmap(subject: Subject, seed: int) -> Result:
    """map_page, unmap_page and translate do what they say, and refuse what makes no sense."""
    rng = Random(f"{seed} map-unmap")
    judge = examiner(subject, "map-unmap", *CALLS)
    return Result.of_parts(
        [
            part("before paging", judge, [cases.round_trip(PC4, rng, on=False)]),
            part("with paging", judge, [cases.round_trip(PC4, rng, on=True)]),
            part("refusals", judge, cases.refusals(PC4, rng)),
            part("when memory is used up", judge, [cases.no_frames_left(places.tiny(rng), rng)]),
            part("many calls", judge, [cases.at_random(PC4, rng, 25)]),
        ]
    )


def tlb(subject: Subject, seed: int) -> Result:
    """What was unmapped or made read-only can no longer be used: INVLPG after every such change."""
    rng = Random(f"{seed} tlb")
    judge = examiner(subject, "tlb", *TLB)
    order = examiner(subject, "tlb", Rule.ADOPT, Rule.FLUSHED)
    return Result.of_parts(
        [
            part(
                "after unmap_page",
                judge,
                [cases.stale_after_unmap(PC4, rng), cases.stale_after_remap(PC4, rng)],
            ),
            part("after protect_page", judge, [cases.stale_after_protect(PC4, rng)]),
            part("first the entry, then INVLPG", order, cases.in_order(rng)),
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
                [cases.building(PC4), cases.new_tables(PC4, rng), cases.used_frames(PC4, rng)],
            ),
            part("zeroed before the link", order, [cases.linked_in_order(rng)]),
            part("not lost", judge, [cases.round_and_round(PC4, rng)]),
        ]
    )


def page_fault(subject: Subject, seed: int) -> Result:
    """A page fault is reported with its address and the meaning of its error code."""
    rng = Random(f"{seed} page-fault")
    judge = examiner(subject, "page-fault", Rule.ADOPT, Rule.REPORT)
    return Result.of_parts(
        [
            part("a write to nowhere", judge, [touching(PC4, 0xDEAD_BEE8)]),
            part("each error code", judge, [reporting(PC4, rng)]),
        ]
    )


def user_access(subject: Subject, seed: int) -> Result:
    """A program reaches the pages that are mapped for it, and none of the kernel's."""
    rng = Random(f"{seed} user-access")
    judge = examiner(subject, "user-access", Rule.USER, Rule.ACCESSES)
    return Result.of_parts(
        [
            part("the kernel's memory", judge, [cases.kernel_from_user(PC4)]),
            part("a program's page", judge, [cases.user_pages(PC4, rng)]),
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
