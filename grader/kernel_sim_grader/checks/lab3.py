"""The hidden checks of Lab 3: other numbers and machines, and cases to think of."""

from random import Random
from typing import Final

from kernel_sim.checks import paging_cases as cases
from kernel_sim.checks import paging_places as places
from kernel_sim.checks import paging_use_cases as use
from kernel_sim.checks.check import Check, Part, Result
from kernel_sim.checks.lab3 import CALLS, FRAMES, LAB, TABLES, TLB
from kernel_sim.checks.operations import Case, Place
from kernel_sim.checks.paging_fault_cases import RARE_CODES, after_unmapping, forbidden, reporting
from kernel_sim.checks.paging_lab import examiner, part
from kernel_sim.checks.paging_rules import ALL_RULES, Rule
from kernel_sim.checks.subject import Subject


def hidden_tables(subject: Subject, seed: int) -> Result:
    """Other layouts on other machines: every page with its frame and its flags, and no other."""
    rng = Random(f"{seed} hidden-tables")
    judge = examiner(subject, "hidden-tables", *TABLES)
    banks, large = places.two_banks(rng), places.with_large_pages(rng)
    made = [
        cases.building(banks, places.single_pages(rng, banks)),
        cases.building(banks, places.across_tables(rng, banks)),
        cases.building(banks, places.mixed_rights(rng, banks)),
    ]
    by_page = [
        cases.mapping_one_by_one(banks, rng, places.across_tables(rng, banks)),
        cases.mapping_one_by_one(banks, rng, places.mixed_rights(rng, banks)),
    ]
    with_pse = [made[0], cases.building(large, places.large_runs(rng, large))]
    return Result.of_parts(
        [
            part("other requests", judge, made),
            part("page by page", judge, by_page),
            part("with 4 MiB pages turned on", judge, with_pse),
        ]
    )


def hidden_identity_map(subject: Subject, seed: int) -> Result:
    """Memory of other sizes is mapped one to one to its last page, with 4 MiB pages or without."""
    rng = Random(f"{seed} hidden-identity-map")
    judge = examiner(subject, "hidden-identity-map", Rule.MAPPED, Rule.ACCESSES)
    made = [places.tiny(rng), places.two_banks(rng), places.several_tables(rng)]
    sizes = [cases.using_identity(place) for place in made]
    large = cases.using_identity(places.with_large_pages(rng))
    return Result.of_parts(
        [
            part("other sizes", judge, sizes),
            part("4 MiB pages", judge, [sizes[0], large]),
        ]
    )


def hidden_enable_paging(subject: Subject, seed: int) -> Result:
    """Other machines go on when paging is turned on, also at a second boot in the same process."""
    rng = Random(f"{seed} hidden-enable-paging")
    judge = examiner(subject, "hidden-enable-paging", Rule.CONTROL)
    everything = examiner(subject, "hidden-enable-paging", *ALL_RULES - {Rule.REPORT})
    machines = [places.tiny(rng), places.several_tables(rng), places.with_large_pages(rng)]
    boots = [cases.enabling(places.tiny(rng)), cases.enabling(places.several_tables(rng))]
    whole = [Case(Place("pc4", until="paging", seed=rng.randrange(1000)))]
    return Result.of_parts(
        [
            part("other machines", judge, [cases.enabling(place) for place in machines]),
            part("the kernel's own boot", judge, whole),
            Part("a second boot", everything.across_boots([*boots, boots[0]])),
        ]
    )


def hidden_map_unmap(subject: Subject, seed: int) -> Result:
    """Long sequences, other roots, 4 MiB pages in the way, and memory that is used up."""
    rng = Random(f"{seed} hidden-map-unmap")
    judge = examiner(subject, "hidden-map-unmap", *CALLS)
    owned = examiner(subject, "hidden-map-unmap", *CALLS, Rule.FRAMES)
    tiny, large = places.tiny(rng), places.with_large_pages(rng)
    return Result.of_parts(
        [
            part("many calls", judge, [cases.at_random(tiny, rng, 60) for _ in range(2)]),
            part("refusals", judge, [cases.refusals(tiny, rng)]),
            part("4 MiB pages", judge, [cases.in_large_page(large, rng)]),
            part("two roots", judge, [cases.another_root(tiny, rng)]),
            part("when memory is used up", owned, [cases.no_frames_left(places.tiny(rng), rng)]),
        ]
    )


def hidden_tlb(subject: Subject, seed: int) -> Result:
    """No access goes by what the tables said before, from CPL 0 or CPL 3."""
    rng = Random(f"{seed} hidden-tlb")
    judge = examiner(subject, "hidden-tlb", *TLB)
    protected = examiner(subject, "hidden-tlb", *TLB, Rule.MAPPED, Rule.RIGHTS)
    order = examiner(subject, "hidden-tlb", Rule.ADOPT, Rule.FLUSHED)
    tiny = places.tiny(rng)
    made = [
        use.stale_after_unmap(tiny, rng),
        use.stale_after_remap(tiny, rng),
        use.stale_for_user(tiny, rng),
        use.neighbours_stay(tiny, rng),
    ]
    return Result.of_parts(
        [
            part("after unmap_page", judge, made),
            part("after protect_page", protected, [use.stale_after_protect(tiny, rng)]),
            part("first the entry, then INVLPG", order, [use.in_order(rng)]),
        ]
    )


def hidden_table_frames(subject: Subject, seed: int) -> Result:
    """Tables made later, from used frames, and again and again: all owned, zeroed and kept."""
    rng = Random(f"{seed} hidden-table-frames")
    judge = examiner(subject, "hidden-table-frames", *FRAMES)
    order = examiner(subject, "hidden-table-frames", Rule.ADOPT, Rule.LINKED)
    tiny = places.tiny(rng)
    made = [
        cases.building(tiny),
        use.new_tables(tiny, rng),
        use.used_frames(tiny, rng),
    ]
    loops = [use.round_and_round(tiny, rng), use.refused_again(tiny, rng)]
    return Result.of_parts(
        [
            part("owned and zeroed", judge, made),
            part("zeroed before the link", order, [use.linked_in_order(rng)]),
            part("not lost", judge, loops),
        ]
    )


def hidden_page_fault(subject: Subject, seed: int) -> Result:
    """Faults of every kind are reported, those of programs and of broken tables too."""
    rng = Random(f"{seed} hidden-page-fault")
    judge = examiner(subject, "hidden-page-fault", Rule.ADOPT, Rule.REPORT)
    tiny = places.tiny(rng)
    return Result.of_parts(
        [
            part("faults that happen", judge, [forbidden(tiny, rng), after_unmapping(tiny, rng)]),
            part("each error code", judge, [reporting(tiny, rng)]),
            part("rare bits", judge, [reporting(tiny, rng, RARE_CODES)]),
        ]
    )


def hidden_user_access(subject: Subject, seed: int) -> Result:
    """Rights of programs hold page by page, and no table can be written by one."""
    rng = Random(f"{seed} hidden-user-access")
    judge = examiner(subject, "hidden-user-access", Rule.USER, Rule.ACCESSES)
    tiny = places.tiny(rng)
    made = [
        use.user_pages(tiny, rng),
        use.read_only_for_user(tiny, rng),
        use.given_to_user(tiny, rng),
    ]
    return Result.of_parts(
        [
            part("the kernel's memory", judge, [use.kernel_from_user(tiny)]),
            part("programs' pages", judge, made),
        ]
    )


CHECKS: Final = (
    Check("hidden-tables", LAB, ("KV-19",), hidden_tables, visible=False),
    Check("hidden-identity-map", LAB, ("KV-20", "KV-21"), hidden_identity_map, visible=False),
    Check("hidden-enable-paging", LAB, ("KV-22", "KV-23"), hidden_enable_paging, visible=False),
    Check("hidden-map-unmap", LAB, ("KV-19", "KV-25"), hidden_map_unmap, visible=False),
    Check("hidden-tlb", LAB, ("KV-26",), hidden_tlb, visible=False),
    Check("hidden-table-frames", LAB, ("KV-25",), hidden_table_frames, visible=False),
    Check("hidden-page-fault", LAB, ("KV-24",), hidden_page_fault, visible=False),
    Check("hidden-user-access", LAB, ("KV-26",), hidden_user_access, visible=False),
)
