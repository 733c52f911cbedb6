"""The hidden checks of Lab 4: longer sequences, other windows and machines, other traces."""

from random import Random
from typing import Final

from kernel_sim.checks import heap_cases as cases
from kernel_sim.checks import heap_free_cases as frees
from kernel_sim.checks import heap_places as places
from kernel_sim.checks.check import Check, Result
from kernel_sim.checks.heap_check import Questions, reuse_result
from kernel_sim.checks.heap_rules import (
    ALIGNED,
    BLOCKS,
    BOUNDS,
    ERRORS,
    EXHAUSTION,
    INIT,
    PAGES,
    RECORDS,
    SERVED,
    STATS,
)
from kernel_sim.checks.heap_tracing import performance_result
from kernel_sim.checks.subject import Subject

LAB: Final = "lab4"
LONG: Final = 300
"""Allocations and frees in the longest sequence, each block written in between."""


def hidden_blocks(subject: Subject, seed: int) -> Result:
    """Long random sequences on another machine: aligned, apart, and every byte kept."""
    ask, rng = Questions(subject, "hidden-blocks"), Random(f"{seed} hidden-blocks")
    place, other = places.plain(rng), places.another(rng)
    long = cases.churning(place, rng, LONG)
    small = [cases.odd_sizes(other, rng), cases.of_size_zero(other)]
    small += [cases.refilled(other, rng) for _ in range(2)]
    large = cases.churning(other, rng, 60, largest=6000, frees=3.5)
    return Result.of_parts(
        [
            ask.part("alignment", ALIGNED, [cases.aligned(other, rng)]),
            ask.part("a long sequence", BLOCKS, [*small, long]),
            ask.part("large blocks", BLOCKS, [large]),
        ]
    )


def hidden_bounds(subject: Subject, seed: int) -> Result:
    """Windows in other places and of other sizes, used to their ends."""
    ask, rng = Questions(subject, "hidden-bounds"), Random(f"{seed} hidden-bounds")
    there = [places.elsewhere(rng), places.over_two_tables(rng), places.tiny(rng)]
    full = [cases.filled_at_random(place, rng) for place in there]
    # small blocks: a heap of powers of two leaves more than a large one of these behind the last
    full += [cases.filled(there[0], rng.randint(300, 500))]
    room = [cases.filled_by(there[1], rng.randint(50, 80))]
    room += [cases.filled(there[2], rng.randint(200, 400))]
    return Result.of_parts(
        [
            ask.part("inside the window", BOUNDS, full),
            ask.part("there is room", SERVED, room),
            ask.last_bytes("the last bytes", places.another(rng)),
            ask.part("too large", BOUNDS | {"null"}, [cases.too_large(there[0])]),
            ask.part("wrong ranges", INIT, cases.wrong_ranges(there[2])),
        ]
    )


def hidden_growth(subject: Subject, seed: int) -> Result:
    """Growth by many pages, in other windows, over more than one page table."""
    ask, rng = Questions(subject, "hidden-growth"), Random(f"{seed} hidden-growth")
    there = [places.elsewhere(rng), places.over_two_tables(rng)]
    made = [cases.growing(places.another(rng), rng), *map(cases.growing_by_little, there)]
    return Result.of_parts(
        [
            ask.part("pages and frames", PAGES, made[:1], batch=8),
            ask.part("other windows", PAGES | BLOCKS, made[1:], batch=8),
        ]
    )


def hidden_out_of_memory(subject: Subject, seed: int) -> Result:
    """Frames run out at other moments, on other machines."""
    ask, rng = Questions(subject, "hidden-out-of-memory"), Random(f"{seed} hidden-out-of-memory")
    there = [places.scarce(rng), places.scarce(rng)]
    rules = EXHAUSTION | SERVED | {"frames"}
    made = [cases.exhausted(there[0], rng.randint(9, 30)), cases.exhausted(there[1], 200)]
    return Result.of_parts(
        [
            ask.part("atomic", rules, made, batch=1),
            ask.part("no page table", rules, [cases.without_a_table(there[1])], batch=1),
            ask.part("used up", rules | {"freed"}, [cases.used_up(there[0])], batch=1),
        ]
    )


def hidden_kfree(subject: Subject, seed: int) -> Result:
    """Other pointers that must not be freed; what was refused has changed nothing."""
    ask, rng = Questions(subject, "hidden-kfree"), Random(f"{seed} hidden-kfree")
    place, other = places.another(rng), places.elsewhere(rng)
    made = frees.right_and_wrong(place, other, rng)
    return Result.of_parts(
        [ask.part(title, ERRORS | {"blocks"}, [case], batch=1) for title, case in made.items()]
    )


def hidden_reuse(subject: Subject, seed: int) -> Result:
    """Memory comes back in other orders, and at random in a window that is too small."""
    rng = Random(f"{seed} hidden-reuse")
    place, tiny = places.over_two_tables(rng), places.tiny(rng)
    probes = {
        "same": [frees.same_again(place)],
        "split": [frees.split(place)],
        "ascending": frees.joined_all(place, (0, 1, 2, 3)),
        "descending": frees.joined_all(place, (3, 2, 1, 0)),
        "mixed": [frees.joined(place, (1, 3, 5, 0, 2, 4)), frees.joined(place, (4, 2, 0, 5, 3, 1))],
        "gaps": [frees.page_aligned_again(tiny)],
        "random": [cases.churning(tiny, rng, 150, largest=1500, frees=4) for _ in range(2)],
    }
    return reuse_result(subject, "hidden-reuse", probes)


def hidden_heap_stats(subject: Subject, seed: int) -> Result:
    """Counters and records in another window, and more boots."""
    ask, rng = Questions(subject, "hidden-heap-stats"), Random(f"{seed} hidden-heap-stats")
    other = places.elsewhere(rng)
    boots = [cases.churning(there, rng, 30) for there in (other, places.tiny(rng))]
    return Result.of_parts(
        [
            ask.part("counters", STATS, [frees.counted(other, rng)]),
            ask.part("records", RECORDS, [frees.recorded(other, rng)], batch=1),
            ask.boots("further boots", [*boots, boots[0]]),
        ]
    )


def hidden_performance(subject: Subject, seed: int) -> Result:
    """Other traces leave little of the heap's memory unused (tier 4B)."""
    names = ("random-small", "file-cache")
    return performance_result(subject, names, seed)


CHECKS: Final = (
    Check("hidden-blocks", LAB, ("KV-27", "KV-29", "KV-34"), hidden_blocks, visible=False),
    Check("hidden-bounds", LAB, ("KV-31",), hidden_bounds, visible=False),
    Check("hidden-growth", LAB, ("KV-32",), hidden_growth, visible=False),
    Check("hidden-out-of-memory", LAB, ("KV-32",), hidden_out_of_memory, visible=False),
    Check("hidden-kfree", LAB, ("KV-34", "KV-27"), hidden_kfree, visible=False),
    Check("hidden-reuse", LAB, ("KV-28",), hidden_reuse, visible=False),
    Check("hidden-heap-stats", LAB, ("KV-30", "KV-33"), hidden_heap_stats, visible=False),
    Check("hidden-performance", LAB, ("KV-28",), hidden_performance, visible=False),
)
