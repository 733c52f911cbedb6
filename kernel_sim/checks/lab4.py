"""The visible checks of Lab 4, the kernel heap."""

from random import Random
from typing import Final

from kernel_sim.checks import heap_cases as cases
from kernel_sim.checks import heap_free_cases as frees
from kernel_sim.checks import heap_places as places
from kernel_sim.checks.check import Check, Result
from kernel_sim.checks.heap_check import Questions, reuse_result
from kernel_sim.checks.heap_gate import first_boot
from kernel_sim.checks.heap_rules import (
    ALIGNED,
    BLOCKS,
    BOUNDS,
    DISJOINT,
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
GATE: Final = first_boot
PUBLISHED: Final = ("random-wide", "boot")
"""The traces that students can run, too."""


def blocks(subject: Subject, seed: int) -> Result:
    """Blocks are aligned, share no byte, and keep what was written into them."""
    ask, rng = Questions(subject, "blocks"), Random(f"{seed} blocks")
    place = places.plain(rng)
    few = [cases.odd_sizes(place, rng), cases.of_size_zero(place)]
    some = [cases.refilled(place, rng), cases.churning(place, rng, 250)]
    return Result.of_parts(
        [
            ask.part("alignment", ALIGNED, [cases.aligned(place, rng)]),
            ask.part("no shared byte", DISJOINT, few),
            ask.part("a random sequence", BLOCKS, some),
        ]
    )


def bounds(subject: Subject, seed: int) -> Result:
    """Every block lies in the window, which can be filled to its last byte and not beyond."""
    ask, rng = Questions(subject, "bounds"), Random(f"{seed} bounds")
    small = places.tiny(rng)
    inside = [cases.filled(small, 200), cases.filled_at_random(small, rng)]
    return Result.of_parts(
        [
            ask.part("inside the window", BOUNDS, inside),
            ask.part("there is room", SERVED, [cases.filled(small, 100)]),
            ask.last_bytes("the last bytes", places.plain(rng)),
            ask.part("too large", BOUNDS | {"null"}, [cases.too_large(small)]),
            ask.part("wrong ranges", INIT, cases.wrong_ranges(small)),
        ]
    )


def growth(subject: Subject, seed: int) -> Result:
    """The heap grows by frames of its own, mapped for the kernel, also by several pages at once."""
    ask, rng = Questions(subject, "growth"), Random(f"{seed} growth")
    place = places.plain(rng)
    made = [cases.growing_by_little(place), cases.growing(place, rng)]
    return Result.of_parts(
        [ask.part("pages and frames", PAGES, made, batch=8)],
    )


def out_of_memory(subject: Subject, seed: int) -> Result:
    """Without frames kmalloc returns None, loses nothing, and works again when there are some."""
    ask, rng = Questions(subject, "out-of-memory"), Random(f"{seed} out-of-memory")
    place = places.scarce(rng)
    made = [cases.exhausted(place, 40), cases.without_a_table(place)]
    rules = EXHAUSTION | SERVED | {"frames"}
    return Result.of_parts([ask.part("atomic", rules, made, batch=1)])


def kfree(subject: Subject, seed: int) -> Result:
    """What kmalloc returned can be given back once; all else is refused with HeapError."""
    ask, rng = Questions(subject, "kfree"), Random(f"{seed} kfree")
    place = places.plain(rng)
    made = frees.right_and_wrong(place, place, rng)
    return Result.of_parts(
        [ask.part(title, ERRORS | {"blocks"}, [case], batch=1) for title, case in made.items()]
    )


def reuse(subject: Subject, seed: int) -> Result:
    """Memory that was given back is used again: found, split and joined (tier 4B)."""
    rng = Random(f"{seed} reuse")
    place, tiny = places.small(rng), places.tiny(rng)
    probes = {
        "same": [frees.same_again(place)],
        "split": [frees.split(place)],
        "ascending": frees.joined_all(place, (0, 1, 2, 3)),
        "descending": frees.joined_all(place, (3, 2, 1, 0)),
        "gaps": [frees.page_aligned_again(tiny)],
    }
    return reuse_result(subject, "reuse", probes)


def heap_stats(subject: Subject, seed: int) -> Result:
    """The statistics count right, and what is freed is written down in the machine's memory."""
    ask, rng = Questions(subject, "heap-stats"), Random(f"{seed} heap-stats")
    place = places.plain(rng)
    boots = [cases.churning(place, rng, 20), cases.churning(places.small(rng), rng, 20)]
    return Result.of_parts(
        [
            ask.part("counters", STATS, [frees.counted(place, rng)]),
            ask.part("records", RECORDS, [frees.recorded(place, rng)], batch=1),
            ask.boots("a second boot", [*boots, boots[0]]),
        ]
    )


def performance(subject: Subject, seed: int) -> Result:  # noqa: ARG001 - these are the published ones
    """Allocation traces leave little of the heap's memory unused (tier 4B)."""
    return performance_result(subject, PUBLISHED, 0)


CHECKS: Final = (
    Check("blocks", LAB, ("KV-27", "KV-29", "KV-34"), blocks),
    Check("bounds", LAB, ("KV-31",), bounds),
    Check("growth", LAB, ("KV-32",), growth),
    Check("out-of-memory", LAB, ("KV-32",), out_of_memory),
    Check("kfree", LAB, ("KV-34", "KV-27"), kfree),
    Check("reuse", LAB, ("KV-28",), reuse),
    Check("heap-stats", LAB, ("KV-30", "KV-33"), heap_stats),
    Check("performance", LAB, ("KV-28",), performance),
)
